"""The page says what the desktop panel says, in the same order and with the same keys.

It is compared with the form that the panel is made from.
"""

from xml.etree import ElementTree

import pytest
from at_the_page import seed, wait_for_none_propagated, wait_for_propagated
from program import CHECKOUT
from SlicePropagationMRML.presenting.controls import KEYS, STOP, hints, keyed
from SlicePropagationWeb.command_labels import key_rows, keys, shown_key

WRITTEN = {
    " ": "Space",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "PageUp": "Page",
    "PageDown": "Page",
}


@pytest.fixture(scope="module")
def form():
    """{name of a widget: its text}, in the order of the panel."""
    tree = ElementTree.parse(CHECKOUT / "Resources" / "UI" / "SlicePropagation.ui")
    texts = {widget.get("name"): text_of(widget) for widget in tree.iter("widget")}
    return {name: text for name, text in texts.items() if text}


def text_of(widget):
    """The text of a widget in the form, None where it has none."""
    return widget.findtext("property[@name='text']/string")


def inner_text(page, command):
    return page.locator(f"[data-command={command}]").inner_text()


def test_the_page_goes_from_input_to_review_and_has_its_details_where_the_panel_has_them(
    page, form
):
    headings = page.locator(".sp-heading:visible").all_inner_texts()
    ours = [text.capitalize() for text in headings] + [inner_text(page, "details")]
    assert ours == ["Input", "Draw", "Propagate", "Review", "Details"]
    theirs = [text for name, text in form.items() if name.endswith("CollapsibleButton")]
    assert theirs[-1] == ours[-1]


ONE_ROW = """() => {
  const row = document.querySelector(".sp-review .sp-row");
  const details = document.querySelector("[data-command=details]").getBoundingClientRect();
  return row.clientHeight < 60 && details.right <= innerWidth && details.height > 20;
}"""


def test_the_buttons_of_a_review_stand_in_one_row_in_small_windows_too(page):
    size = page.viewport_size
    for width in (960, 1024, 1100):
        page.set_viewport_size({"width": width, "height": 768})
        page.wait_for_function(ONE_ROW)
    page.set_viewport_size(size)


def test_the_choices_of_a_run_stand_in_the_order_of_the_panel(page, bench, form):
    bench.call(setattr, bench.data, "engine", "registration")
    section = page.locator(".sp-section").nth(2)
    rows = section.locator(".sp-label:visible").all_inner_texts()
    labels = (
        "axisComboBoxLabel",
        "toTheEndCheckBoxLabel",
        "directionComboBoxLabel",
        "engineComboBoxLabel",
    )
    theirs = [form[name] for name in form if name in labels]
    assert rows == [*(text.rstrip(":") for text in theirs), "Auto-update"]
    assert form["autoUpdateCheckBox"].startswith(rows[-1])  # the page has a third choice


@pytest.mark.parametrize(
    "command, widget",
    [
        ("propagate", "propagateButton"),
        ("next", "nextButton"),
        ("confirm", "confirmButton"),
        ("empty", "emptyButton"),
    ],
)
def test_a_button_has_the_text_of_the_panel(page, form, command, widget):
    assert inner_text(page, command) == form[widget]


@pytest.mark.parametrize("widget", ["toTheEndCheckBox", "followCheckBox"])
def test_a_check_box_has_the_text_of_the_panel(page, form, widget):
    assert page.get_by_label(form[widget], exact=True).is_visible()


def test_what_stops_keeps_and_discards_has_the_texts_of_the_panel(page, bench, form, long_run):
    seed(page, bench)
    page.keyboard.press(KEYS["propagate"].lower())
    wait_for_propagated(page, 1)
    assert inner_text(page, "stop") == "Stop"
    page.keyboard.press("Escape" if STOP == "Esc" else STOP)
    page.wait_for_selector("[data-command=keep]")
    assert inner_text(page, "keep") == form["keepButton"]
    assert inner_text(page, "discard") == form["discardButton"]
    page.keyboard.press(KEYS["discard"].lower())
    wait_for_none_propagated(page)


def test_a_hint_says_what_the_panel_says_with_its_key(page, bench):
    seed(page, bench)
    for command in ("propagate", "empty"):
        page.hover(f"[data-command={command}]")
        hint = keyed(hints()[command], command)
        page.get_by_text(hint, exact=True).wait_for()


def test_every_key_stands_in_the_list_of_keys():
    listed = {part.strip(",") for text, _ in key_rows() for part in text.split(" ")}
    assert {WRITTEN.get(key, shown_key(key)) for key in keys()} <= listed
