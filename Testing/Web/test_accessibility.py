"""axe-core finds no serious fault on any state of the page, light or dark; who chooses which."""

import pytest
from at_the_page import begin_run, click, seed, wait_until_stopped
from cable import Cable
from faults import faults
from web_bench import open_page, wait_for

DIALOGS = {
    "open": "is_open_dialog",
    "second": "is_second_dialog",
    "first": "is_first_dialog",
    "save": "is_save_dialog",
    "export": "is_export",
    "details": "is_details",
    "table": "is_table",
    "keys": "is_keys",
}
TOOLS = (
    "draw",
    "erase",
    "threshold",
    "scissors",
    "seed",
    "trace",
)  # those with options, but for the brush
OPTIONS = {  # of tools and masking that are there only where a person wants them
    "paint": {"smart": True, "sphere": True},
    "draw": {"outline_mode": "polygon"},
    "threshold": {"reach": "range"},
    "scissors": {"reach": "range", "outline_mode": "polygon"},
}
MODEL = {"name": "heart", "title": "Left ventricle", "text": "Finds left ventricle."}
FILE = {"title": "chest.nii.gz", "path": "/data/chest.nii.gz"}
# {what is seen: (the dialog that it is in, the values of the page)}
IN_DIALOGS = {
    "upload": ("is_open_dialog", {"upload": 42}),
    "check of what came": (
        "is_open_dialog",
        {"upload": 100, "loading_stage": "Reading", "loading_percent": 20},
    ),
    "files": (
        "is_open_dialog",
        {"recent": [FILE], "segmentations": [FILE], "images": [FILE] * 13},
    ),
    "choice": ("is_open_dialog", {"choices": [FILE | {"key": "1"}]}),
    "address": ("is_open_dialog", {"may_fetch": True, "url": "https://example.org/a.nii.gz"}),
    "fetching": (
        "is_open_dialog",
        {"is_fetching": True, "loading": "Opening a.nii.gz…", "loading_percent": 7},
    ),
    "fault": ("is_open_dialog", {"message": "This is no image.", "is_error": True}),
    "second": ("is_second_dialog", {"second_images": [FILE], "second_problem": "It holds labels."}),
    "saved": ("is_save_dialog", {"saved": ["a.seg.nrrd", "a.slices.csv"]}),
    "export": ("is_export", {"export_percent": 40, "export_text": "a, 1 of 3"}),
    "exported": ("is_export", {"exported": "a.zip", "export_text": "1 of 1 case exported."}),
    "no model": (
        "is_first_dialog",
        {"first_reason": "Needs PyTorch, which is not installed", "first_models": [MODEL]},
    ),
}
OFFER = {"title": "chest.nii.gz", "at": "2026-01-31 09:41", "image": "chest.nii.gz"}
CARD = ".v-overlay--active .v-card"
SHOWN = "() => document.documentElement.dataset.theme"
GROUND = "() => getComputedStyle(document.querySelector('.sp-panel')).backgroundColor"
APPLICATION = "() => document.querySelector('.v-application').className"


def test_a_page_without_a_volume_and_its_first_steps_have_none(bench, page):
    name = bench.data.volume_name
    bench.call(setattr, bench.data, "volume_name", "")
    page.locator(".sp-welcome").wait_for()
    assert faults(page) == []
    bench.call(setattr, bench.data, "volume_name", name)
    page.locator(".sp-welcome").wait_for(state="detached")
    page.evaluate("trame.utils.page.firstSteps()")
    assert faults(page, ".sp-steps") == []
    page.keyboard.press("Escape")


def test_no_tool_s_options_have_one(bench, page):
    for tool in TOOLS:
        bench.call(bench.controller.take, tool)
        bench.wait_until_shown(page)
        assert faults(page, ".sp-tool-options") == [], tool


def test_a_result_under_review_and_an_error_have_none(bench, page):
    bench.paint_spleen(page, 30)
    bench.wait_for_drawn(page, [30])
    page.locator("[data-command=propagate]").click()
    bench.wait_for_text(page, "Done in")
    bench.call(setattr, bench.data, "to_the_end", False)
    bench.call(bench.application.workflow.say, "This is wrong.", is_error=True)
    page.click("[data-menu=theme]")
    page.locator("[data-theme-choice=light]").wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")
    bench.call(setattr, bench.data, "to_the_end", True)


@pytest.fixture
def set_for_now(bench):
    """Sets values of the page, which are again as they were when the test ends."""
    before = {}

    def set_values(values):
        for name, value in values.items():
            before.setdefault(name, getattr(bench.data, name))
            bench.call(setattr, bench.data, name, value)

    yield set_values
    for name, value in before.items():
        bench.call(setattr, bench.data, name, value)


def test_what_lies_over_the_views_while_an_image_opens_has_none(bench, page, set_for_now):
    set_for_now({"volume_number": -1})  # no picture is of this one
    cover = "[data-first-pictures]"
    page.locator(cover).get_by_text("Opening the sample…").wait_for()
    assert faults(page, cover) == []
    assert faults(page) == []
    set_for_now({"loading": "Opening chest.nii.gz…", "loading_percent": 42})
    page.locator(".sp-opening").get_by_text("Opening chest.nii.gz…").wait_for()
    assert faults(page, ".sp-opening") == []
    set_for_now({"volume_name": ""})
    page.locator(".sp-welcome").get_by_text("Opening chest.nii.gz…").wait_for()
    assert faults(page, ".sp-welcome") == []


def test_no_option_that_a_person_asked_for_has_one(bench, page, set_for_now):
    bench.call(bench.application._command, "limit", True)
    page.get_by_label("Lowest to write on").wait_for()
    for tool, values in OPTIONS.items():
        set_for_now(values)
        bench.call(bench.controller.take, tool)
        bench.wait_until_shown(page)
        assert faults(page, ".sp-sections") == [], tool


def test_a_run_and_the_question_what_to_keep_of_it_have_none(bench, page, long_run):
    seed(page, bench)
    begin_run(page)
    assert faults(page) == []
    click(page, "stop")
    wait_until_stopped(page)
    assert faults(page) == []
    click(page, "discard")


def test_lists_menus_a_renamed_segment_and_a_tooltip_have_none(bench, page):
    bench.call(bench.controller.take, "scissors")
    bench.wait_until_shown(page)
    opened = ".v-overlay--active:not(.v-tooltip)"
    for button in ("Presets of window and level", "More about this segment", "Light or dark"):
        page.get_by_role("button", name=button, exact=True).click()
        page.locator(opened).wait_for()
        assert faults(page, opened) == [], button
        page.keyboard.press("Escape")
        page.locator(opened).wait_for(state="hidden")
    for choice in page.locator("[data-choice]:visible").all():
        choice.click()
        page.get_by_role("option").first.wait_for()
        assert faults(page, opened) == []
        page.keyboard.press("Escape")
        page.locator(opened).wait_for(state="hidden")
    page.locator(".sp-segment .sp-name").dblclick()
    page.get_by_label("Segment name").wait_for()
    page.hover("[data-tool=trace]")
    page.get_by_text("Level tracing (9)").wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")


def test_one_view_with_a_second_image_a_warning_and_no_surfaces_has_none(bench, page, set_for_now):
    set_for_now(
        {
            "second_name": "t2.nii.gz",
            "second_share": 50,
            "sets_second": True,
            "maximised": "Red",
            "show_3d": False,
            "crosshair": True,
        }
    )
    say = bench.application.workflow.say
    bench.call(say, "This made 8 propagated slices count as drawn by you.", is_warning=True)
    page.locator(".sp-warning").wait_for()
    assert faults(page) == []
    set_for_now({"maximised": ""})
    page.locator(".sp-empty-3d").wait_for()
    assert faults(page, ".sp-grid") == []


@pytest.mark.parametrize("what", IN_DIALOGS)
def test_what_comes_and_goes_in_dialogs_has_none(bench, page, set_for_now, what):
    dialog, values = IN_DIALOGS[what]
    set_for_now({dialog: True, **values})
    page.locator(CARD).first.wait_for()
    bench.wait_until_shown(page)
    assert faults(page, ".v-overlay--active") == []
    bench.call(setattr, bench.data, dialog, False)
    page.locator(CARD).first.wait_for(state="hidden")


def test_the_example_in_an_empty_field_can_be_read(bench, page):  # axe does not look at it
    click(page, "open")
    field = page.get_by_label("Address of an image")
    field.wait_for()
    opacity = "field => getComputedStyle(field, '::placeholder').opacity"
    wait_for(page, lambda: field.evaluate(opacity) == "1")
    page.get_by_text("Cancel", exact=True).click()
    field.wait_for(state="hidden")


def test_an_offer_of_unsaved_work_has_none(page, set_for_now):
    set_for_now({"offer": OFFER | {"problem": "There is no file chest.nii.gz."}})
    page.get_by_text("There is unsaved work on chest.nii.gz").wait_for()
    assert faults(page, ".v-overlay--active") == []
    set_for_now({"offer": None})
    page.locator(CARD).first.wait_for(state="hidden")


def test_no_dialog_has_one(bench, page):
    for dialog, value in DIALOGS.items():
        bench.call(bench.application._command, dialog)
        page.locator(CARD).first.wait_for()
        assert faults(page, ".v-overlay--active") == [], dialog
        bench.call(setattr, bench.data, value, False)
        page.locator(CARD).first.wait_for(state="hidden")


def test_a_second_tab_and_a_page_that_lost_its_program_have_none(browser, bench, page):
    cable = Cable(bench.address)
    second = open_page(browser, cable.address)
    second.get_by_text("in use in another tab").wait_for()
    assert faults(second) == []
    cable.pull()
    second.locator(".sp-gone").wait_for()
    assert faults(second) == []
    assert second.locator(".sp-card svg").bounding_box()["width"] == 72
    assert second.locator("img").count() == 0  # which nobody would answer
    second.close()
    cable.cut()


def choose(page, choice):
    page.click("[data-menu=theme]")
    page.click(f"[data-theme-choice={choice}]")
    page.locator(f"[data-theme-choice={choice}]").wait_for(state="hidden")


def test_the_page_is_as_the_browser_prefers_until_a_person_chooses(page):
    page.emulate_media(color_scheme="light")
    wait_for(page, lambda: page.evaluate(SHOWN) == "light")
    light = page.evaluate(GROUND)
    assert "v-theme--light" in page.evaluate(APPLICATION)
    choose(page, "dark")
    assert page.evaluate(SHOWN) == "dark"
    assert page.evaluate(GROUND) != light
    assert "v-theme--dark" in page.evaluate(APPLICATION)
    page.emulate_media(color_scheme="dark")
    choose(page, "light")
    page.reload()
    page.wait_for_selector("[data-slice]", state="attached")
    assert page.evaluate(GROUND) == light
    choose(page, "automatic")
    wait_for(page, lambda: page.evaluate(SHOWN) == "dark")
    page.emulate_media(color_scheme="dark")
