"""What becomes of cases as they are opened, left and saved; the page around them is a stand-in."""

from types import SimpleNamespace

import pytest
from SlicePropagationWeb.case_claims import CaseClaims
from SlicePropagationWeb.case_commands import CaseCommands
from SlicePropagationWeb.case_records import read_state
from SlicePropagationWeb.panel_state import PanelState
from SlicePropagationWeb.worklist import Case

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.claims import ClaimedError, Claims, LostClaimError


class Desk:
    """The CaseCommands of two cases, and what they asked of the page."""

    def __init__(self, out, offer=None, claims=None):
        self.out = out
        self.saves = True
        self.opened = []
        self.said = []
        self.data = data = PanelState(offer=offer)
        self.autosave = SimpleNamespace(case="")
        files = SimpleNamespace(save=lambda: self.saves, flush=lambda: None)
        workflow = SimpleNamespace(session=SimpleNamespace(document=None), say=self._say)
        loop = SimpleNamespace(begin=self._begin)
        cases = [Case("a", "a/image.nii.gz", str(out / "seed.nrrd"), str(out / "made.nrrd"))]
        cases.append(Case("b", "b/image.nii.gz"))
        own = CaseClaims(claims)
        self.work = CaseCommands(cases, out, files, self.autosave, workflow, loop, data, own)
        self.files = files
        self.refusals = []
        self.work.list = SimpleNamespace(
            refresh=lambda: None,
            show=lambda: None,
            ordered=self.work.rows,
            refuse=self.refusals.append,
        )
        self.saved = files.on_saved

    def _begin(self, work):
        self.opened.append(work.cr_frame.f_locals["case"].name)
        work.close()

    def _say(self, text, is_error=False):
        self.said.append(text)

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


# Several annotators


@pytest.fixture
def ben(tmp_path):
    """Another annotator of the same list."""
    return Claims(tmp_path / "cases.csv.claims", "ben")


@pytest.fixture
def shared(tmp_path):
    """The desk of Anna, whose list Ben has, too."""
    (tmp_path / "anna").mkdir()
    return Desk(tmp_path / "anna", claims=Claims(tmp_path / "cases.csv.claims", "anna"))


def lose(desk, ben, name):
    """Ben takes over what Anna has open, as if her page had slept."""
    ben.folder.joinpath(f"{name}.claim").unlink()
    ben.take(name)


def test_a_case_that_another_annotator_has_open_is_refused_and_the_list_says_who_has_it(
    shared, ben
):
    ben.take("a")
    with pytest.raises(ClaimedError, match="ben .* has had a open since"):
        shared.work.open("a")
    shared.data.is_cases = True
    shared.work.open("a")
    assert "ben" in shared.refusals[-1]
    assert shared.data.is_cases
    assert shared.opened == []
    assert shared.work.rows()[0].holder.startswith("ben (on ")
    shared.work.open("b")
    assert not shared.data.is_cases


def test_a_case_is_free_for_others_when_another_one_is_opened_or_the_page_ends(shared, ben):
    shared.work.open("a")
    shared.has_open("a")
    assert list(ben.others()) == ["a"]
    shared.autosave.on_leave("a", None)
    shared.work.open("b")
    shared.has_open("b")
    assert list(ben.others()) == ["b"]
    shared.work.end()
    assert not ben.others()


def test_a_saved_case_is_free_and_others_do_not_come_to_it_next(shared, ben, tmp_path):
    shared.work.open("a")
    shared.has_open("a")
    shared.saved(shared.out / "a.seg.nrrd")
    assert not ben.others()
    other = Desk(tmp_path, claims=ben)
    other.work.claims.look()
    assert other.work.rows()[0].saved_by.startswith("anna (on ")
    other.work.next()
    assert other.opened == ["b"]


def test_next_goes_past_what_another_annotator_opened_a_moment_ago(shared, ben):
    ben.take("a")
    shared.work.next()
    assert shared.opened == ["b"]
    assert list(ben.others()) == ["b"]


def test_where_all_other_cases_are_open_elsewhere_the_page_says_so(shared, ben):
    ben.take("a")
    ben.take("b")
    shared.work.next()
    assert shared.opened == []
    assert shared.said[-1].startswith("All other cases are saved or open elsewhere;")


def test_who_lost_a_case_saves_it_under_another_name_only_and_keeps_no_autosave(shared, ben):
    shared.work.open("a")
    shared.has_open("a")
    shared.files.before_save(shared.out / "a.seg.nrrd")
    lose(shared, ben, "a")
    for path in (shared.out / "a.seg.nrrd", shared.out / "a.nii.gz"):
        with pytest.raises(LostClaimError, match="ben .* has had a since .* under another name"):
            shared.files.before_save(path)
    shared.files.before_save(shared.out / "a-mine.seg.nrrd")
    with pytest.raises(LostClaimError):
        shared.autosave.check("a")
    assert shared.autosave.is_lost("a")
    assert "ben" in shared.work.claims.news("a")
    assert shared.work.claims.news("a") == ""  # said once
    shared.saved(shared.out / "a-mine.seg.nrrd")
    with pytest.raises(LostClaimError):  # still
        shared.files.before_save(shared.out / "a.seg.nrrd")


def test_what_a_crash_left_is_shown_but_not_written_where_another_one_has_the_case(shared, ben):
    ben.take("a")
    shared.has_open("a")
    assert "ben" in shared.said[-1]
    with pytest.raises(LostClaimError):
        shared.files.before_save(shared.out / "a.seg.nrrd")


def test_a_list_that_cannot_be_written_is_worked_through_and_that_is_said_once(tmp_path):
    (tmp_path / "cases.csv.claims").write_text("a file, where a folder should be\n")
    desk = Desk(tmp_path, claims=Claims(tmp_path / "cases.csv.claims", "anna"))
    desk.work.open("a")
    desk.has_open("a")
    assert desk.opened == ["a"]
    assert "cannot see which case you have open" in desk.work.claims.news("a")
    assert desk.work.claims.news("a") == ""
    desk.files.before_save(tmp_path / "a.seg.nrrd")
