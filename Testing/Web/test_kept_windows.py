"""Window and level on the disk: what was kept is read, and what is damaged is not there."""

import pytest
from SlicePropagationWeb.kept_windows import MOST, NAME, KeptWindows


def test_windows_that_were_written_are_read_again(tmp_path):
    windows = {"a.nii.gz ": (400.0, 40.0), "b.nrrd ": (0.25, -3.5)}
    KeptWindows(tmp_path / "autosave").write(windows)
    assert KeptWindows(tmp_path / "autosave").read() == windows
    assert [path.name for path in (tmp_path / "autosave").iterdir()] == [NAME]


def test_only_the_latest_are_kept(tmp_path):
    many = {str(number): (1.0, float(number)) for number in range(MOST + 5)}
    KeptWindows(tmp_path).write(many)
    assert list(KeptWindows(tmp_path).read()) == [str(number) for number in range(5, MOST + 5)]


@pytest.mark.parametrize(
    "text",
    ["", "[1, 2]", '{"a": 5}', '{"a": [0, 40]}', '{"a": ["wide", 40]}', '{"a": [1e999, 0]}', "{"],
)
def test_what_is_damaged_is_as_if_it_were_not_there(tmp_path, text):
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert KeptWindows(tmp_path).read() == {}


def test_a_folder_that_cannot_be_written_costs_the_window_only(tmp_path, caplog):
    (tmp_path / "autosave").write_text("a file where the folder would be")
    KeptWindows(tmp_path / "autosave").write({"a": (1.0, 0.0)})
    assert "cannot be kept" in caplog.text
