"""Slicer's translation of texts.

Where there is only slicer-core, which has none, a text stays as it is.
"""

try:
    from slicer.i18n import tr
except ImportError:

    def tr(text: str) -> str:
        """The text itself."""
        return text
