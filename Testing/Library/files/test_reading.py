"""Whoever waits for an image is told what is read, and how far."""

import os
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import write, write_dicom

from SlicePropagationLib.files.reading import (
    ReadingProgress,
    tell_count,
    tell_file,
    tell_path,
    tell_stage,
)
from SlicePropagationLib.files.volume import read_volume


class Heard(ReadingProgress):
    """Remembers every stage, and how far it was when it began."""

    def __init__(self):
        super().__init__()
        self.stages = []

    def enter(self, stage, share):
        super().enter(stage, share)
        self.stages.append((stage, self.share()))


def heard(path):
    progress = Heard()
    progress.follow(read_volume, path)
    return progress.stages


def image():
    return np.random.default_rng(1).integers(0, 99, (6, 8, 8)).astype(np.int16)


def test_a_packed_file_is_unpacked_and_checked(tmp_path):
    write(tmp_path / "image.nii.gz", image())
    stages = heard(tmp_path / "image.nii.gz")
    # a small file lies in the buffer as a whole before it is unpacked
    assert stages == [("Unpacking the file", 1.0), ("Checking the values", None)]


def test_a_file_that_is_read_says_by_its_place_how_far_that_is(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1000))
    progress = ReadingProgress()
    with open(path, "rb", buffering=0) as file:
        progress.follow(tell_file, file, "Reading")
        file.read(250)
        assert progress.share() == 0.25
    assert progress.share() is None  # it is closed


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how far others have read")
def test_a_file_that_a_library_reads_has_a_share_where_the_system_tells_it(tmp_path):
    path = tmp_path / "image.nrrd"
    path.write_bytes(bytes(1000))
    progress = ReadingProgress()
    progress.follow(tell_path, path, "Reading")
    assert progress.share() is None
    number = os.open(path, os.O_RDONLY)
    os.read(number, 400)
    assert progress.share() == 0.4
    os.close(number)
    assert progress.share() is None
    sitk.WriteImage(sitk.GetImageFromArray(image()), str(path), True)
    assert [stage for stage, _ in heard(path)] == ["Reading the file", "Checking the values"]


def test_the_headers_and_then_the_slices_of_a_series_are_counted(tmp_path):
    write_dicom(tmp_path / "series", 4)
    stages = dict(heard(tmp_path / "series"))
    headers = [stage for stage in stages if stage.startswith("Reading headers, ")]
    slices = [stage for stage in stages if stage.startswith("Reading slices, ")]
    assert headers == [f"Reading headers, {number} of 4" for number in (1, 2, 3, 4)]
    assert slices == [f"Reading slices, {number} of 4" for number in (1, 2, 3, 4)]
    assert stages["Reading slices, 3 of 4"] == 0.5


def test_where_nobody_waits_nothing_is_told():
    progress = Heard()
    assert progress.follow(lambda number: number + 1, 1) == 2
    tell_stage("later")
    assert list(tell_count("ab", "later")) == ["a", "b"]
    assert progress.stages == []
