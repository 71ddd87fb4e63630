"""The page says what the desktop panel says, in the same order and with the same keys: compared with the form that the panel is made from."""

from xml.etree import ElementTree

import pytest
from at_the_page import seed
from program import CHECKOUT
from SlicePropagationMRML.presenting.controls import KEYS, STOP, hints, keyed
from web_bench import wait_for


@pytest.fixture(scope="module")
def form():
    """{name of a widget: its text}, in the order of the panel."""
    tree = ElementTree.parse(CHECKOUT / "Resources" / "UI" / "SlicePropagation.ui")
    texts = {}
    for widget in tree.iter("widget"):
        text = next(
            (
                found.findtext("string")
                for found in widget.findall("property")
                if found.get("name") == "text"
            ),
            None,
        )
        if text:
            texts[widget.get("name")] = text
    return texts


def test_the_sections_stand_in_the_order_of_the_panel(page, form):
    ours = [text.capitalize() for text in page.locator(".sp-heading:visible").all_inner_texts()] + [
        page.locator("[data-command=details]").inner_text()
    ]
    assert ours == [text for name, text in form.items() if name.endswith("CollapsibleButton")]


def test_the_choices_of_a_run_stand_in_the_order_of_the_panel(page, bench, form):
    bench.call(setattr, bench.application.data, "engine", "registration")
    rows = page.locator(".sp-section").nth(2).locator(".sp-label:visible").all_inner_texts()
    named = (
        "axisComboBoxLabel",
        "toTheEndCheckBoxLabel",
        "directionComboBoxLabel",
        "engineComboBoxLabel",
    )
    assert rows == [form[name].rstrip(":") for name in form if name in named]


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
    assert page.locator(f"[data-command={command}]").inner_text() == form[widget]


@pytest.mark.parametrize("widget", ["toTheEndCheckBox", "followCheckBox", "autoUpdateCheckBox"])
def test_a_check_box_has_the_text_of_the_panel(page, form, widget):
    assert page.get_by_label(form[widget], exact=True).is_visible()


def test_what_stops_keeps_and_discards_has_the_texts_of_the_panel(page, bench, form):
    seed(page, bench)
    page.keyboard.press(KEYS["propagate"].lower())
    wait_for(page, lambda: page.locator(".sp-propagated").count() >= 1)
    assert page.locator("[data-command=stop]").inner_text() == "Stop"
    page.keyboard.press("Escape" if STOP == "Esc" else STOP)
    page.wait_for_selector("[data-command=keep]")
    assert [
        page.locator(f"[data-command={name}]").inner_text() for name in ("keep", "discard")
    ] == [form["keepButton"], form["discardButton"]]
    page.keyboard.press(KEYS["discard"].lower())
    wait_for(page, lambda: page.locator(".sp-propagated").count() == 0)


def test_a_hint_says_what_the_panel_says_with_its_key(page, bench):
    seed(page, bench)
    page.hover("[data-command=propagate]")
    page.get_by_text(keyed(hints()["propagate"], "propagate"), exact=True).wait_for()
    page.hover("[data-command=empty]")
    page.get_by_text(keyed(hints()["empty"], "empty"), exact=True).wait_for()
