"""Models that come with the program are listed and found by their names."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch")

from case_files import read, write
from model_files import ship_segmenter, write_segmenter
from phantoms import drifting_disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.files.shipped_weights import find_model
from SlicePropagationLib.pipelines.segment_file import load_segmenter
from SlicePropagationLib.segmenters.catalogue import model_path, shipped_models
from SlicePropagationLib.training.permitted_data import PERMITTED


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = ship_segmenter(tmp_path / "Models")
    monkeypatch.setattr("SlicePropagationLib.files.shipped_weights.model_folders", lambda: [folder])
    return folder


@pytest.mark.parametrize("name", list(shipped_models()))
def test_every_shipped_model_is_small_and_agrees_with_its_card(name):
    card = json.loads(find_model(name).with_suffix(".json").read_text(encoding="utf-8"))
    segmenter = load_segmenter(name, "cpu")
    assert segmenter.model_sha256 == card["sha256"]
    assert find_model(name).stat().st_size < 8e6
    assert card["licence"] == "CC BY-SA 4.0"
    assert set(card["data"]) <= set(PERMITTED)
    assert all(of["citation"] for of in card["data"].values())
    assert "train" in card["command"]
    assert "segment" in card["figures"]["command"]
    assert card["limits"]
    num_classes = segmenter.network.config.out_channels
    assert sorted(map(int, card["structures"])) == list(range(1, num_classes))


@pytest.fixture
def image(tmp_path):
    return write(tmp_path / "image.nii.gz", drifting_disc()[0].images, spacing=(1.0, 1.0, 1.0))


def segment(image, model, out):
    words = ["segment", "--image", image, "--model", model, "--out", out, "--device", "cpu"]
    return main([str(word) for word in [*words, "--quiet"]])


def test_models_says_what_each_finds_and_on_which_images(shipped, capsys):
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("discs\n")
    assert "1 large disc, 2 small disc" in said
    assert "synthetic pictures" in said


def test_a_model_that_refines_is_listed_with_its_command_and_is_no_segmenter(shipped, capsys):
    (shipped / "thin.pt").write_bytes((shipped / "discs.pt").read_bytes())
    card = {"title": "Thin", "refines": {"1": "disc"}, "images": "thick", "quality": "some"}
    (shipped / "thin.json").write_text(json.dumps(card), encoding="utf-8")
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert "thin\n  refines  1 disc\n  on       thick\n" in said
    assert "superresolve --labels L --model thin" in said
    assert list(shipped_models()) == ["discs"]
    assert model_path("thin") == shipped / "thin.pt"


def test_a_model_is_found_by_its_name_and_gives_what_its_file_gives(shipped, image, tmp_path):
    assert segment(image, "discs", tmp_path / "by_name.nii.gz") == 0
    assert segment(image, shipped / "discs.pt", tmp_path / "by_file.nii.gz") == 0
    found = read(tmp_path / "by_name.nii.gz")
    assert found.any()
    assert np.array_equal(found, read(tmp_path / "by_file.nii.gz"))


def test_an_unknown_name_is_refused_with_the_names_there_are(shipped, image, tmp_path, capsys):
    assert segment(image, "heart", tmp_path / "out.nii.gz") == 2
    assert "There is no model 'heart'; give one of discs" in capsys.readouterr().err


def test_a_model_sees_all_slices_alike_however_many_it_looks_at_at_once(tmp_path, monkeypatch):
    segmenter = load_segmenter(write_segmenter(tmp_path / "discs.pt"), "cpu")
    stack = drifting_disc()[0]
    whole = segmenter.segment(stack)
    monkeypatch.setattr("SlicePropagationLib.segmenters.cine.frame_unet.BATCH", 2)
    assert np.array_equal(segmenter.segment(stack), whole)
    assert [part.first for part in segmenter.parts(stack)] == list(range(0, len(stack), 2))


def test_a_model_of_axial_slices_finds_the_same_however_the_volume_is_stored(tmp_path):
    model = write_segmenter(tmp_path / "discs.pt", orientation="SPL")
    image = sitk.GetImageFromArray(drifting_disc()[0].images)
    image.SetSpacing((1.0, 1.5, 3.0))
    found = {}
    for orientation in ("LPS", "RAS", "PIR"):
        path = tmp_path / f"{orientation}.nii.gz"
        sitk.WriteImage(sitk.DICOMOrient(image, orientation), str(path))
        words = ["segment", "--image", path, "--model", model, "--out", tmp_path / "out.nii.gz"]
        axis = "ijk"[["I" in way or "S" in way for way in orientation].index(True)]
        assert main([str(word) for word in [*words, "--axis", axis, "--quiet"]]) == 0
        out = sitk.ReadImage(str(tmp_path / "out.nii.gz"))
        found[orientation] = sitk.GetArrayFromImage(sitk.DICOMOrient(out, "LPS"))
    assert found["LPS"].any()
    assert np.array_equal(found["LPS"], found["RAS"])
    assert np.array_equal(found["LPS"], found["PIR"])
