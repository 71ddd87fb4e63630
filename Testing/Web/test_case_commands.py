"""What becomes of cases as they are opened, left and saved; the page around them is a stand-in."""

from types import SimpleNamespace

import pytest
from SlicePropagationWeb.case_commands import CaseCommands
from SlicePropagationWeb.case_records import read_state
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.worklist import Case

from SlicePropagationLib.errors import InputError


class Desk:
    """The CaseCommands of two cases, and what they asked of the page."""

    def __init__(self, out, offer=None):
        self.out = out
        self.saves = True
        self.opened = []
        self.said = []
        data = PanelState(offer=offer)
        self.autosave = SimpleNamespace(case="")
        files = SimpleNamespace(save=lambda: self.saves, flush=lambda: None)
        workflow = SimpleNamespace(session=SimpleNamespace(document=None), say=self.said.append)
        loop = SimpleNamespace(begin=self._begin)
        cases = [Case("a", "a/image.nii.gz", str(out / "seed.nrrd"), str(out / "made.nrrd"))]
        cases.append(Case("b", "b/image.nii.gz"))
        self.work = CaseCommands(cases, out, files, self.autosave, workflow, loop, data)
        self.work.list = SimpleNamespace(
            refresh=lambda: None, show=lambda: None, ordered=self.work.rows
        )
        self.saved = files.on_saved

    def _begin(self, work):
        self.opened.append(work.cr_frame.f_locals["case"].name)
        work.close()

    def has_open(self, name):
        """A case was opened."""
        self.autosave.case = name
        self.work.arrived(name)

    def status(self, name):
        return self.work.state.of(name).status


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_case_goes_on_with_unsaved_work_then_the_saved_then_what_batch_made_then_its_seed(desk):
    case = desk.work.cases["a"]
    assert desk.work.begins_with(case) is None
    desk.work.state.change("a", draft="a-unsaved.seg.nrrd", result="a.seg.nrrd")
    for name in ("seed.nrrd", "made.nrrd", "a.seg.nrrd", "a-unsaved.seg.nrrd"):
        (desk.out / name).touch()
        assert desk.work.begins_with(case) == desk.out / name


def test_unsaved_work_makes_a_case_a_started_one_until_it_is_saved_and_goes_then(desk):
    desk.has_open("a")
    desk.autosave.on_leave("a", "a-unsaved.seg.nrrd")
    (desk.out / "a-unsaved.seg.nrrd").touch()
    (desk.out / "a-unsaved.json").touch()
    assert desk.status("a") == "started"
    desk.has_open("a")
    desk.saved(desk.out / "a.seg.nrrd")
    assert desk.status("a") == "saved"
    assert sorted(path.name for path in desk.out.iterdir()) == ["worklist.json"]
    assert read_state(desk.out).current == "a"


def test_save_and_next_opens_the_next_case_once_this_one_is_saved(desk):
    desk.has_open("a")
    desk.work.save_and_next()
    assert desk.opened == []
    desk.saved(desk.out / "a.seg.nrrd")
    assert desk.opened == ["b"]


def test_a_case_that_cannot_be_saved_stays_open(desk):
    desk.has_open("a")
    desk.work.save_and_next()
    desk.saved(None)
    desk.saved(desk.out / "a.seg.nrrd")  # by the Save dialog, later
    assert desk.opened == []


def test_behind_the_last_case_the_page_says_that_all_are_saved(desk):
    desk.work.state.change("b", result="b.seg.nrrd")
    desk.has_open("a")
    desk.work.save_and_next()
    desk.saved(desk.out / "a.seg.nrrd")
    assert desk.opened == []
    assert "All other cases are saved" in desk.said[0]


def test_reviewed_counts_once_the_case_is_saved(desk):
    desk.has_open("a")
    desk.work.toggle_reviewed()
    assert desk.status("a") == "started"
    desk.saved(desk.out / "a.seg.nrrd")
    assert desk.status("a") == "reviewed"
    desk.work.toggle_reviewed()
    assert desk.status("a") == "saved"


def test_an_image_of_the_list_is_opened_as_its_case(desk):
    desk.work.load("b/../b/image.nii.gz")
    assert desk.opened == ["b"]


def test_no_case_that_is_not_in_the_list_is_opened(desk):
    with pytest.raises(InputError, match="no case 'c'"):
        desk.work.open("c")
    with pytest.raises(InputError, match="No case of the list is open"):
        desk.work.save_and_next()


def test_the_case_of_what_a_crash_left_is_started_and_current(tmp_path):
    desk = Desk(tmp_path, {"case": "b"})
    assert desk.status("b") == "started"
    assert desk.work.state.current == "b"
