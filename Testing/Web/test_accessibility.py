"""axe-core finds no serious fault on any state of the page, light or dark; who chooses which."""

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
