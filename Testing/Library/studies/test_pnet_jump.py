"""Jumps between neighbouring slices, worked out by hand, and the experiment that asks whether they find bad slices."""

import csv

import numpy as np
import pytest
from case_files import make_case
from phantoms import square

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.metrics import jumps, neighbour_distances
from SlicePropagationLib.studies.pnet.jump import area_under_curve


def test_neighbouring_slices_are_as_far_apart_as_their_outlines():
    line = np.zeros((4, 6, 6), bool)
    line[0, :, 1] = line[1, :, 2] = line[2, :, 5] = True
    assert neighbour_distances(line, (9.0, 1.0, 0.5))[1:3].tolist() == [0.5, 1.5]
    assert np.isnan(neighbour_distances(line, (9.0, 1.0, 0.5))[[0, 3]]).all()


def test_a_slice_that_is_out_of_line_jumps_and_so_do_its_neighbours():
    masks = np.stack([square(5, 5, 6)] * 7)
    masks[3] = square(5, 9, 6)
    found = jumps(masks, (3.0, 1.0, 1.0))
    assert (found[2:5] > 1).all()
    assert found[[0, 1, 5, 6]].tolist() == [0, 0, 0, 0]


def test_a_structure_that_moves_evenly_does_not_jump():
    drifting = np.stack([square(5, 2 + 2 * index, 6) for index in range(5)])
    assert jumps(drifting, (3.0, 1.0, 1.0)).tolist() == [0] * 5
    assert jumps(
        np.zeros((3, 4, 4), bool),
        (1.0, 1.0, 1.0),
    ).tolist() == [0, 0, 0]


def test_the_area_under_the_curve_is_the_share_of_ordered_pairs():
    assert area_under_curve([3, 2, 1], [True, False, False]) == 1
    assert area_under_curve([1, 2, 3], [True, False, False]) == 0
    assert area_under_curve([1, 1, 2, 0], [True, False, False, False]) == pytest.approx(0.5)
    assert np.isnan(area_under_curve([1, 2], [False, False]))


def test_the_experiment_lists_every_predicted_slice(tmp_path, capsys):
    paths = make_case(tmp_path)
    (tmp_path / "cases.csv").write_text(
        f"image,label,split,dataset,case\n{paths['image']},{paths['truth']},val,discs,one\n",
        encoding="utf-8",
    )
    assert (
        main(
            [
                "experiment",
                "pnet-jump",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--out",
                str(tmp_path / "out"),
                "--engine",
                "copy",
                "--quiet",
            ]
        )
        == 0
    )
    assert "| discs | " in capsys.readouterr().out
    with open(tmp_path / "out" / "pnet-jump" / "slices.csv", newline="", encoding="utf-8") as file:
        slices = {int(row["slice"]): float(row["dice"]) for row in csv.DictReader(file)}
    assert 8 not in slices
    assert slices[7] > slices[4] > 0  # the eighth was annotated; copies get worse with distance
    assert (
        main(
            [
                "experiment",
                "pnet-jump",
                "--cases",
                str(tmp_path / "cases.csv"),
                "--out",
                str(tmp_path / "out"),
                "--label",
                "9",
            ]
        )
        == 2
    )
