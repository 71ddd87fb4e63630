"""Thick slices from fine volumes.

Where they lie, how they are blurred, and that motion is each slice's own.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.training.acnn.degradation import (
    AffineConfig,
    DegradationConfig,
    move_slices,
    thick_slices,
    vary_labels,
    vary_volumes,
)


@pytest.mark.parametrize("factor", [2, 4, 5])
def test_without_blur_thick_slices_are_the_middle_ones_of_their_fine_slices(factor):
    fine = torch.arange(3.0 * factor)[None, None, :, None, None].expand(1, 1, -1, 4, 4)
    assert thick_slices(fine, factor, 0.0)[0, 0, :, 0, 0].tolist() == [
        factor // 2 + number * factor for number in range(3)
    ]


def test_a_point_spreads_through_plane_as_a_gaussian_of_four_millimetres_in_ten():
    fine = torch.zeros(1, 1, 60, 3, 3)
    fine[0, 0, 32, 1, 1] = 1.0  # the middle of thick slice 6 of five fine slices, 2 mm apart
    thick = thick_slices(fine, 5, 0.4)
    assert thick.shape == (1, 1, 12, 3, 3)
    assert thick[0, 0, :, 0].abs().max() == 0
    weights = np.exp(-0.5 * (2.0 * np.arange(-6, 7) / 4.0) ** 2)
    assert thick[0, 0, 6, 1, 1] == pytest.approx(weights[6] / weights.sum(), rel=1e-4)
    assert thick[0, 0, 7, 1, 1] == pytest.approx(weights[1] / weights.sum(), rel=1e-4)  # 10 mm away


def test_constant_volumes_stay_as_they_are_to_the_last_slice():
    assert torch.allclose(
        thick_slices(torch.full((1, 2, 20, 4, 4), 7.0), 5, 0.4),
        torch.tensor(7.0),
    )


def test_every_slice_moves_on_its_own_and_stays_in_its_plane():
    torch.manual_seed(0)
    thick = torch.zeros(1, 2, 4, 32, 32)
    for index in range(4):
        thick[0, :, index, 14:18, 14:18] = index + 1
    moved = move_slices(thick, DegradationConfig(shift_mm=6.0, turn=0.0), (2.0, 2.0))
    rows = torch.arange(32.0)
    centres = [(image.sum(dim=1) @ rows / image.sum()).item() for image in moved[0, 0]]
    assert len({round(centre, 2) for centre in centres}) == 4
    assert max(abs(centre - 15.5) for centre in centres) <= 3.05
    assert [image.max().item() for image in moved[0, 0]] == pytest.approx([1, 2, 3, 4], rel=0.01)
    assert torch.equal(moved[:, 0], moved[:, 1])  # channels move together


def test_slices_that_do_not_move_are_the_same():
    thick = torch.rand(2, 1, 3, 8, 8)
    assert move_slices(thick, DegradationConfig(), (1.0, 1.0)) is thick


def test_image_and_labels_are_varied_together_and_what_comes_in_is_background():
    torch.manual_seed(0)
    labels = torch.zeros(3, 12, 24, 24, dtype=torch.long)
    labels[:, 3:9, 6:18, 6:18] = 2
    image, varied = vary_volumes(
        (labels[:, None] == 2).float(),
        labels,
        3,
        AffineConfig(
            turn=30,
            tilt=5,
            scale=0.1,
            shift=0.2,
        ),
        (2.0, 1.0, 1.0),
    )
    assert not torch.equal(varied, labels)
    assert set(varied.unique().tolist()) == {0, 2}
    inside = image[:, 0] > 0.5
    assert ((varied == 2) == inside).float().mean() > 0.98
    full = vary_labels(torch.ones_like(labels), 3, AffineConfig(shift=0.5), (1.0, 1.0, 1.0))
    assert set(full.unique().tolist()) == {0, 1}


def test_a_turn_about_the_through_plane_axis_keeps_lengths_in_millimetres():
    """A bar along the columns, 20 mm long, is 20 mm long along the rows after a quarter turn.

    Pixels are half as long along the rows.
    """
    torch.manual_seed(0)
    labels = torch.zeros(1, 1, 48, 24, dtype=torch.long)
    labels[0, :, 23:25, 2:22] = 1
    config = AffineConfig(turn=90.0, tilt=0.0, scale=0.0, shift=0.0)
    turns = [vary_labels(labels, 2, config, (1.0, 0.5, 1.0))[0, 0] for _ in range(30)]
    lengths = []
    for mask in turns:
        rows, columns = torch.nonzero(mask, as_tuple=True)
        lengths.append(
            float(
                ((rows.max() - rows.min() + 1) * 0.5) ** 2
                + (columns.max() - columns.min() + 1.0) ** 2
            )
            ** 0.5
        )
    assert np.std(lengths) < 1.5
    assert np.mean(lengths) == pytest.approx(20, abs=1.5)


def test_a_negative_blur_is_refused():
    with pytest.raises(ConfigError, match="blur"):
        DegradationConfig(blur=-1.0)
