"""A DICOM folder is read as the volume that it is, or refused with what is wrong with it."""

import logging
import re

import numpy as np
import pytest
from outcomes import propagate

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.sequence import read_sequence
from SlicePropagationLib.files.volume import read_volume


class Reading:
    """What came of reading a path as a volume.

    Attributes:
        volume: the volume, or None where it was refused.
        said: the refusal, or the warnings; without the path.
    """

    def __init__(self, path, caplog):
        caplog.set_level(logging.WARNING)
        self.volume = None
        try:
            self.volume = read_volume(path)
            said = caplog.text
        except InputError as error:
            said = str(error)
        self.said = said.replace(str(path), "")

    @property
    def size(self):
        """Voxels along I, J, K."""
        return self.volume.image.GetSize()

    @property
    def slice_mm(self):
        """Distance between slices."""
        return self.volume.spacing_mm[0]


def true_values(folder):
    """(K, J, I) of a series: what is stored times the slope of the slice."""
    import pydicom

    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    return np.stack([float(piece.RescaleSlope) * piece.pixel_array for piece in slices])


@pytest.mark.parametrize(
    "name, highest, least_count",
    [("dicom-pet-first-slope-whole", 3.2, 1000), ("dicom-pet-faint", 0.95, 400)],
)
def test_every_slice_of_a_pet_series_has_its_own_slope(case, caplog, name, highest, least_count):
    folder = case(name)
    reading = Reading(folder / "series", caplog)
    assert reading.volume is not None, reading.said
    values = reading.volume.array
    assert np.issubdtype(values.dtype, np.floating)
    assert len(np.unique(values)) > least_count
    assert values.max() == pytest.approx(highest, abs=0.1)
    assert np.allclose(values, true_values(folder / "series"), atol=1e-3)


def test_a_faint_pet_series_is_not_taken_for_an_empty_one(case):
    outcome = propagate(case("dicom-pet-faint"), "series", "seed.nii.gz")
    assert outcome.code == 0, outcome.said


def test_of_missing_slices_it_is_said_between_which_positions_they_are(case, caplog):
    reading = Reading(case("dicom-missing-slices") / "series", caplog)
    assert re.search(r"\b27\b", reading.said), reading.said
    assert re.search(r"\b36\b", reading.said), reading.said
    assert reading.volume is None or reading.slice_mm == pytest.approx(3)


def test_of_two_phases_one_is_read_or_both_are_named(case, caplog):
    reading = Reading(case("dicom-two-phases") / "series", caplog)
    assert re.search("phase|acquisition", reading.said, re.IGNORECASE), reading.said
    if reading.volume is not None:
        assert reading.size == (48, 48, 20)
        assert reading.slice_mm == pytest.approx(3)


def test_a_cine_folder_is_a_sequence_along_time(case):
    sequence = read_sequence(case("dicom-cine-folder") / "series")
    assert sequence.array.shape == (5, 3, 24, 24)
    assert sequence.spacing_mm[0] == pytest.approx(8)


def test_a_cine_folder_is_refused_as_a_volume(case, caplog):
    reading = Reading(case("dicom-cine-folder") / "series", caplog)
    assert reading.volume is None
    assert re.search(r"\b5\b.*(frame|time)", reading.said), reading.said


@pytest.mark.parametrize(
    "form",
    [
        "no-preamble",
        "disc",
    ],
)
def test_usual_forms_of_a_series_are_read(case, caplog, form):
    reading = Reading(case("dicom-disc-and-single-file") / form, caplog)
    assert reading.volume is not None, reading.said
    assert reading.size == (32, 32, 6)
    assert reading.slice_mm == pytest.approx(3)


def test_one_file_of_a_series_gives_the_series_or_a_way_to_it(case, caplog):
    path = case("dicom-disc-and-single-file") / "single" / "slice.dcm"
    reading = Reading(path, caplog)
    assert reading.volume is not None or "folder" in reading.said, reading.said
