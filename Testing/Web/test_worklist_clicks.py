"""What is clicked in the list of cases and beside it, and what comes of it, in files too.

One program and one tab for all: each test goes on where the one before it ended.
"""

import json
import signal
import zipfile

import pytest
from at_the_page import kinds, stroke
from faults import faults
from kept_states import ENGINE, SEGMENTS, SHAPE, drawn, state, write
from program import Program
from SlicePropagationWeb.case_records import NAME, WorklistState, write_state
from SlicePropagationWeb.recovery import Recovery
from web_bench import open_page, wait_for
from web_files import ct, read_mask, write_dicom, write_image

NUM_CASES = 60  # more than the browser has rows of at once
SAVED = range(20, 40)
LOADED = "image => image.complete && image.naturalWidth > 0"


def case(number):
    return f"case_{number:02}"


class Desk:
    """A week of cases, the program, and a tab with the page."""

    def __init__(self, browser, folder):
        self.browser = browser
        self.out = folder / "out"
        self.out.mkdir()
        self.table = folder / "cases.csv"
        # the last case first, so that the order of the table is not that of the names
        names = [case(number) for number in reversed(range(NUM_CASES))]
        for name in names:
            write_image(folder / f"{name}.nii.gz", ct(SHAPE))
        rows = "\n".join(f"{name}.nii.gz" for name in names)
        self.table.write_text(f"image\n{rows}\n", encoding="utf-8")
        week = WorklistState()
        for number in SAVED:
            write(self.out / f"{case(number)}.seg.nrrd", number)
            week.change(case(number), result=f"{case(number)}.seg.nrrd", num_annotated=1)
        write_state(self.out, week)
        self.leave_unsaved(case(57), folder)
        self.begin()

    def leave_unsaved(self, name, folder):
        """What a crash leaves."""
        volume, session = state(5)
        Recovery(self.out / "autosave").keep(
            volume,
            session,
            SEGMENTS,
            ENGINE,
            image=str(folder / f"{name}.nii.gz"),
            title=name,
            plane="axial",
            segment="Segment_1",
            case=name,
        )

    def begin(self):
        self.program = Program(self.out, "--cases", self.table)
        self.page = open_page(self.browser, self.program.address)

    def crash(self):
        self.program.kill()
        self.page.close()
        self.begin()

    def end(self):
        self.page.close()
        self.program.kill()

    def records(self):
        """{name: what the file of the worklist says of it}."""
        return json.loads((self.out / NAME).read_text(encoding="utf-8"))["cases"]

    def files(self, name):
        return sorted(path.name for path in self.out.glob(f"{name}*"))

    def listed(self):
        """Names of the rows that the browser has, from the top."""
        tops = """rows => rows.map((row) => [parseFloat(row.style.top), row.dataset.case])"""
        rows = self.page.locator("[data-case]").evaluate_all(tops)
        return [name for _, name in sorted(rows)]

    def wait_for_case(self, name):
        self.page.wait_for_selector(f".sp-volume >> text={name} ·")
        self.page.wait_for_selector(".sp-opening", state="hidden")
        self.page.wait_for_timeout(1200)

    def draw(self, index=3):
        self.page.click(f"[data-slice='{index}']")
        self.page.wait_for_timeout(500)
        stroke(self.page, 640, 330)
        wait_for(self.page, lambda: kinds(self.page)[index] in ("seed", "correction"))


@pytest.fixture(scope="module")
def desk(browser, tmp_path_factory):
    desk = Desk(browser, tmp_path_factory.mktemp("week"))
    yield desk
    desk.end()


def test_a_crashed_case_that_is_kept_is_one_that_was_started(desk):
    desk.page.get_by_text(f"There is unsaved work on {case(57)}").wait_for()
    assert faults(desk.page, ".v-overlay--active") == []
    desk.page.click("[data-command=aside]")
    desk.page.locator(f"[data-case={case(57)}] >> text=Started").wait_for()
    assert drawn(desk.out / desk.records()[case(57)]["draft"]) == 5
    assert Recovery(desk.out / "autosave").offered() is None


def test_rows_beyond_the_window_come_with_their_pictures_as_the_wheel_turns(desk):
    page = desk.page
    assert case(0) not in desk.listed()
    assert faults(page, ".v-overlay--active") == []
    page.locator(".sp-rows").hover()
    for _ in range(8):
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(50)
    last = page.locator(f"[data-case={case(0)}]")
    wait_for(page, lambda: last.count() == 1)
    picture = last.locator("img")
    wait_for(page, lambda: picture.evaluate(LOADED))
    assert desk.listed()[-1] == case(0)


def test_the_order_that_is_chosen_is_that_of_the_rows_from_the_top(desk):
    page = desk.page
    page.locator("[data-choice=Order]").click()
    page.get_by_role("option", name="By name").click()
    wait_for(page, lambda: desk.listed()[0] == case(0))
    assert page.locator(".sp-rows").evaluate("list => list.scrollTop") == 0
    page.locator("[data-choice=Order]").click()
    page.get_by_role("option", name="As in the table").click()
    wait_for(page, lambda: desk.listed()[0] == case(59))


def test_a_status_that_is_clicked_leaves_its_cases_and_a_word_those_that_have_it(desk):
    page = desk.page
    assert "20" in page.locator("[data-status=saved]").inner_text()
    page.click("[data-status=saved]")
    wait_for(page, lambda: desk.listed() == [case(number) for number in reversed(SAVED)])
    assert page.locator("[data-status=saved]").get_attribute("aria-pressed") == "true"
    page.locator(".sp-find").fill("case_31")
    wait_for(page, lambda: desk.listed() == [case(31)])
    page.click("[data-status=reviewed]")
    page.get_by_text("No case is found").wait_for()
    assert faults(page, ".v-overlay--active") == []
    page.locator(".sp-find").fill("")
    page.click("[data-status=all]")
    wait_for(page, lambda: len(desk.listed()) == 40)


def test_next_case_keeps_what_is_unsaved_of_this_one(desk):
    page = desk.page
    page.click(f"[data-case={case(59)}]")
    desk.wait_for_case(case(59))
    desk.draw()
    page.click("[data-command=next_case]")
    desk.wait_for_case(case(58))
    assert desk.records()[case(59)]["draft"] == f"{case(59)}-unsaved.seg.nrrd"
    assert read_mask(desk.out / f"{case(59)}-unsaved.seg.nrrd")[3].any()


def test_a_case_that_is_reviewed_is_one_until_it_is_clicked_again(desk):
    page = desk.page
    desk.draw()
    page.click("[data-command=reviewed]")
    page.locator(".sp-is-reviewed").wait_for()
    assert faults(page) == []
    assert desk.records()[case(58)]["is_reviewed"]
    page.click("[data-command=reviewed]")
    page.locator(".sp-is-reviewed").wait_for(state="detached")
    assert not desk.records()[case(58)]["is_reviewed"]
    page.click("[data-command=reviewed]")
    page.click("[data-command=save_next]")
    desk.wait_for_case(case(57))
    assert desk.files(f"{case(58)}.seg") == [f"{case(58)}.seg.nrrd"]
    page.click("[data-command=cases]")
    page.locator(f"[data-case={case(58)}] >> text=Reviewed").wait_for()
    page.locator(f"[data-case={case(59)}] >> text=Started").wait_for()


def test_stop_ends_an_export_with_the_case_that_it_is_at(desk):
    page = desk.page
    page.click(".sp-worklist [data-command=export]")
    assert page.locator("[data-scope=all] input").is_checked()
    page.locator("[data-scope=case] input").check()
    assert faults(page, ".v-overlay--active") == []
    page.locator("[data-scope=all] input").check()
    page.click("[data-export-kind=stl] input")
    page.click("[data-command=make_export]")
    stop = page.locator("[data-command=stop_export]")
    stop.wait_for()
    desk.program.process.send_signal(signal.SIGSTOP)  # so that it cannot end before the click
    stop.click()
    desk.program.process.send_signal(signal.SIGCONT)
    page.get_by_text("of 22 cases exported. stopped.").wait_for()
    with page.expect_download() as download:
        page.click("[data-download=zip]")
    with zipfile.ZipFile(download.value.path()) as archive:
        folders = {name.split("/")[0] for name in archive.namelist()}
        assert archive.testzip() is None
    said = page.get_by_text("cases exported. stopped.").inner_text()
    assert 0 < len(folders) < 22  # that is, those of before, the reviewed and the open one
    assert said.startswith(f"{len(folders)} of 22 ")
    assert desk.files(f"{case(57)}.seg") == [f"{case(57)}.seg.nrrd"]
    page.get_by_role("button", name="Close").click()


def test_a_folder_that_is_dropped_on_the_page_is_opened(desk, tmp_path):
    page = desk.page
    write_dicom(tmp_path / "patient" / "series", ct())
    drag = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path / "patient")], "dragOperationsMask": 1}
    for event in ("dragEnter", "dragOver", "drop"):
        drag.send("Input.dispatchDragEvent", {"type": event, "x": 600, "y": 300, "data": data})
    page.wait_for_selector(".sp-volume >> text=· 56×48×9 voxels")
    assert not page.locator("body.sp-dropping").count()


def test_a_crashed_case_that_is_discarded_is_as_it_was_before(desk):
    desk.page.click("[data-command=cases]")
    desk.page.click(f"[data-case={case(57)}]")
    desk.wait_for_case(case(57))
    desk.draw()
    desk.page.wait_for_timeout(1000)
    desk.crash()
    desk.page.get_by_text(f"There is unsaved work on {case(57)}").wait_for()
    desk.page.click("[data-command=forget]")
    desk.page.click(f"[data-case={case(57)}]")
    wait_for(desk.page, lambda: "seed" in kinds(desk.page))
    assert kinds(desk.page)[0] == "seed"
    assert kinds(desk.page)[3] == "empty"
