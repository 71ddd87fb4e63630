"""The presets of window and level."""

AUTOMATIC = "automatic"
# (width, level) in Hounsfield units, as radiology consoles offer them
CT_PRESETS = {
    "soft-tissue": ("Soft tissue", 400.0, 40.0),
    "lung": ("Lung", 1500.0, -600.0),
    "bone": ("Bone", 1800.0, 400.0),
    "brain": ("Brain", 80.0, 40.0),
    "liver": ("Liver", 150.0, 30.0),
}


def preset_items() -> list[dict[str, str]]:
    """The presets, for the browser."""
    items = [{"value": AUTOMATIC, "title": "Automatic"}]
    return items + [{"value": name, "title": text} for name, (text, *_) in CT_PRESETS.items()]
