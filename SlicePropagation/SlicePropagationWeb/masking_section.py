"""What tools and runs may write on: other segments, and a range of intensities."""

from trame.widgets import html, vuetify3

from SlicePropagationWeb.command_labels import OVERWRITE_ITEMS
from SlicePropagationWeb.page_parts import ACCENT, give, number_field, select
from SlicePropagationWeb.panel_state import StateNames

HINT = (
    "What happens to voxels of other segments. Locked segments keep theirs in any case; the lock is"
    " in the list above"
)


def add_masking(name: StateNames) -> None:
    """Add it to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(classes="sp-gap"):
        select("Others", name, name.overwrite, OVERWRITE_ITEMS, f"{name.why}.choices || '{HINT}'")
        with html.Div(classes="sp-row"):
            vuetify3.VCheckbox(
                model_value=(f"!!{name.limits}.length",),
                update_modelValue=give("limit", "!!$event"),
                label="Only intensities",
                density="compact",
                hide_details=True,
                color=ACCENT,
                classes="sp-check flex-grow-0",
                disabled=(f"!!{name.why}.choices",),
            )
            with html.Div(v_if=f"{name.limits}.length", classes="sp-row"):
                for which, label in ((0, "Lowest to write on"), (1, "Highest to write on")):
                    if which:
                        html.Span("to", classes="sp-faint")
                    ends = give("limit_end", f"{which}", "+$event.target.value")
                    number_field(label, f"{name.limits}[{which}]", ends)
