"""Results in one zip file, and the report of one page a case."""

import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import disc

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.pipelines.case_export import SavedCase, ZipExport
from SlicePropagationLib.pipelines.case_report import case_report, ranges
from SlicePropagationLib.pipelines.finished_session import read_finished
from SlicePropagationLib.pipelines.result_files import write_result
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack

SHAPE = (8, 40, 48)
ENGINE = SimpleNamespace(name="copy", model_sha256=None)
LIVER = Segment(300, "Liver <left>", "l", (1.0, 0.0, 0.0), "", 0, 1)
VEIN = Segment(17, "Vein", "v", (0.0, 0.0, 1.0), "", 1, 1)


@pytest.fixture
def volume():
    array = np.random.default_rng(5).normal(0, 20, SHAPE).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.5, 0.5, 4.0))
    return Volume(array, image, Path("image.nii.gz"))


@pytest.fixture
def session(volume):
    """The liver drawn on slice 2, predicted on 3 and corrected on 4; the vein overlaps it on 2."""
    stack = SliceStack.from_volume(volume.array, volume.spacing_mm, 0)
    session = AnnotationSession(stack, (17, 300))
    session.annotate(300, 2, disc(SHAPE[1:], (20, 20), 8))
    session.suggest(300, 3, disc(SHAPE[1:], (20, 20), 7), 0.75)
    session.annotate(300, 4, disc(SHAPE[1:], (20, 22), 6), Provenance.CORRECTION)
    session.annotate(17, 2, disc(SHAPE[1:], (20, 26), 3))
    return session


def written(path, volume, session):
    write_result(path, volume, session, [VEIN, LIVER], ENGINE, 0.0)
    return path


def test_a_finished_result_is_read_as_the_session_that_it_was(tmp_path, volume, session):
    path = written(tmp_path / "a.seg.nrrd", volume, session)
    found, segments, record = read_finished(path, volume)
    assert record["engine"] == "copy"
    assert {each.label: each.name for each in segments} == {300: "Liver <left>", 17: "Vein"}
    for label in (17, 300):
        for index in range(SHAPE[0]):
            before, after = session.state(label, index), found.state(label, index)
            assert after.provenance == before.provenance
            assert np.array_equal(found.mask(label, index), session.mask(label, index))
    assert found.state(300, 3).confidence == 0.75


def test_a_result_that_was_changed_since_is_not_exported(tmp_path, volume, session):
    path = written(tmp_path / "a.nii.gz", volume, session)
    path.write_bytes(written(tmp_path / "b.nii.gz", volume, session).read_bytes() + b" ")
    with pytest.raises(InputError, match="not the file"):
        read_finished(path, volume)


def test_a_zip_file_has_a_folder_for_each_case_and_says_what_cannot_be_in_it(
    tmp_path,
    volume,
    session,
):
    cases = [
        SavedCase(name, "image.nii.gz", written(tmp_path / f"{name}.seg.nrrd", volume, session))
        for name in ("anna", "bert")
    ]
    target = tmp_path / "all.zip"
    with ZipExport(target, ("report", "stl", "dicom-seg"), lambda *_: volume) as export:
        remarks = [remark for case in cases for remark in export.add(case)]
    assert len(remarks) == 2
    assert "anna has no dicom-seg" in remarks[0]
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
    suffixes = (".seg.nrrd", ".slices.csv", ".json", ".html", ".17.stl", ".300.stl")
    assert sorted(names) == sorted(
        f"{name}/{name}{suffix}" for name in ("anna", "bert") for suffix in suffixes
    )


def test_a_case_that_cannot_be_read_leaves_nothing_in_the_zip_file(tmp_path, volume, session):
    path = written(tmp_path / "a.seg.nrrd", volume, session)
    (tmp_path / "a.slices.csv").unlink()
    with (
        ZipExport(tmp_path / "all.zip", ("report",), lambda *_: volume) as export,
        pytest.raises(InputError),
    ):
        export.add(SavedCase("a", "image.nii.gz", path))
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.namelist() == []


def test_the_report_says_who_drew_what_and_needs_nothing_from_elsewhere(volume, session):
    page = case_report("Anna & Co", volume, session, [VEIN, LIVER], {"engine": "copy"})
    assert "<h1>Anna &amp; Co</h1>" in page
    assert (
        "Liver &lt;left&gt;: by a person: drawn 2; corrected 4. By copy: 1 slice propagated."
        in page
    )
    assert "Vein: by a person: drawn 2. By copy: 0 slices propagated." in page
    voxels = int(session.areas(300).sum())
    assert f"{voxels * 0.5 * 0.5 * 4.0 / 1000:.4g} ml" in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def test_numbers_are_listed_as_people_write_them():
    assert ranges([3, 5, 6, 7, 9]) == "3, 5–7, 9"
    assert ranges([]) == ""
    assert ranges(range(0, 60, 2)).endswith(" and 6 more")
