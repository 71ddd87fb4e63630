"""`codes`: a row for each case, groups told apart by shape alone, and a picture of what the components mean."""

import csv
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from case_files import write
from shape_phantoms import GRID, ellipsoid

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.networks.acnn.autoencoder import ShapeAutoencoder
from SlicePropagationLib.networks.acnn.config import AutoencoderConfig
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.studies.acnn.groups import cross_validate, stratified_folds
from SlicePropagationLib.studies.acnn.principal_components import principal_components


@pytest.fixture
def heart(tmp_path):
    """(table, groups, model): ten patients with two frames each, and an untrained auto-encoder.

    Five are round and five are long.
    """
    torch.manual_seed(0)
    lines = ["image,label,split,dataset,case"]
    groups = ["patient,group"]
    for number in range(10):
        groups.append(f"patient{number:03d},{('round', 'long')[number % 2]}")
        for frame, shrink in (("ED", 0), ("ES", 1)):
            radii = ((4.0, 8.0, 8.0), (5.0, 5.5, 10.0))[number % 2]
            labels = ellipsoid(
                (16, 28, 28),
                (7.5, 14, 14),
                [radius - shrink + 0.05 * number for radius in radii],
            ).astype(np.uint8)
            paths = [
                write(
                    tmp_path / f"{kind}{number}{frame}.nii.gz",
                    array,
                    spacing=(1.0, 1.0, 1.0),
                ).name
                for kind, array in (("image", 50 * labels.astype(np.int16)), ("label", labels))
            ]
            lines.append(f"{paths[0]},{paths[1]},,hearts,patient{number:03d}_{frame}")
    (tmp_path / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "groups.csv").write_text("\n".join(groups) + "\n", encoding="utf-8")
    config = AutoencoderConfig(
        GRID,
        num_classes=2,
        base_channels=4,
        bottleneck_channels=16,
    )
    save_checkpoint(
        tmp_path / "model.pt",
        "acnn.autoencoder",
        {"network": asdict(config), "labels": (1,)},
        ShapeAutoencoder(config).state_dict(),
    )
    return tmp_path / "cases.csv", tmp_path / "groups.csv", tmp_path / "model.pt"


def codes(
    heart,
    out,
    *options,
):
    return main(
        [
            "codes",
            "--cases",
            str(heart[0]),
            "--model",
            str(heart[2]),
            "--out",
            str(out),
            "--quiet",
            *options,
        ]
    )


def test_every_case_gets_a_row_of_64_numbers_and_groups_are_told_apart_by_shape(
    heart,
    tmp_path,
    capsys,
):
    assert codes(heart, tmp_path / "out", "--groups", str(heart[1]), "--folds", "5") == 0
    with open(tmp_path / "out" / "codes.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert rows[0]["patient"] == "patient000"
    assert len([name for name in rows[0] if name.startswith("code_")]) == 64
    text = capsys.readouterr().out
    assert "10 patients: long 5, round 5" in text
    assert text.count("100.0 % (100.0 to 100.0) |\n") == 2  # PCA of ED, and of ED+ES
    assert all(
        float(line.split("|")[2].split("%")[0]) >= 80
        for line in text.splitlines()
        if line.startswith(("| ED |", "| ED+ES |"))
    )
    assert (tmp_path / "out" / "traversal.png").stat().st_size > 3000


def test_a_patient_who_lacks_a_frame_is_left_out_by_name_so_that_no_es_stands_among_eds(
    heart,
    tmp_path,
    capsys,
):
    lines = heart[0].read_text(encoding="utf-8").splitlines()
    heart[0].write_text(
        "\n".join(line for line in lines if "patient000_ED" not in line) + "\n",
        encoding="utf-8",
    )
    assert codes(heart, tmp_path / "out", "--groups", str(heart[1]), "--folds", "4") == 0
    text = capsys.readouterr().out
    assert "9 patients: long 5, round 4" in text
    assert "Left out: patient000, of whom there is no ED." in text
    assert "| ED |" in text
    assert "| ED+ES |" in text
    with open(tmp_path / "out" / "codes.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 19


def test_codes_from_images_need_a_predictor_and_more_folds_than_patients_are_refused(
    heart,
    tmp_path,
    capsys,
):
    assert codes(heart, tmp_path / "out", "--source", "images") == 2
    assert "acnn.predictor" in capsys.readouterr().err
    assert codes(heart, tmp_path / "out", "--groups", str(heart[1])) == 2
    assert "Group long has 5 patients, 10 folds" in capsys.readouterr().err


def test_folds_deal_out_every_group_evenly():
    groups = np.repeat([0, 1, 2], 20)
    folds = stratified_folds(groups, 10)
    assert all(
        np.count_nonzero((folds == fold) & (groups == group)) == 2
        for fold in range(10)
        for group in range(3)
    )
    with pytest.raises(InputError, match="take fewer folds"):
        stratified_folds(groups, 21)


def test_a_case_is_classified_by_what_others_teach_alone():
    """Each case has a column of its own that gives its group away.

    Only a forest that saw the case could use it.
    """
    groups = np.repeat([0, 1], 20)
    giveaway = np.diag(2.0 * groups - 1)
    predicted = cross_validate(giveaway, groups, stratified_folds(groups, 10))
    assert (predicted == groups).mean() < 0.8


def test_principal_components_are_the_axes_of_the_spread():
    random = np.random.default_rng(0)
    table = random.normal(size=(500, 3)) * [1.0, 5.0, 0.1] + [10, 0, 0]
    mean, axes, deviations = principal_components(table, 2)
    assert np.abs(axes[0]).argmax() == 1
    assert np.abs(axes[1]).argmax() == 0
    assert deviations == pytest.approx([5.0, 1.0], rel=0.1)
    assert mean == pytest.approx(table.mean(axis=0))
