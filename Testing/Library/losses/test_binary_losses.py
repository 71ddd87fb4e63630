"""Jaccard loss, cross-entropy and its balanced form.

Values and gradients worked out by hand, and the empty case.
"""

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.losses.binary import (
    balanced_cross_entropy,
    cross_entropy,
    find_loss,
    jaccard_loss,
    printed_jaccard_loss,
)

TRUTH = torch.tensor([[True, True, False, False]])
FOUND = torch.tensor([[0.9, 0.5, 0.5, 0.1]], dtype=torch.float32)


def gradient(loss, probability, truth, *options):
    probability = probability.clone().requires_grad_()
    loss(probability, truth, *options).backward()
    return probability.grad


def test_the_jaccard_loss_is_the_paper_s_quotient():
    assert jaccard_loss(FOUND, TRUTH, 0.0).item() == pytest.approx(1 - 1.4 / 2.6)
    assert jaccard_loss(TRUTH.float(), TRUTH) == 0
    assert jaccard_loss(1 - TRUTH.float(), TRUTH, 0.0) == 1


def test_the_printed_jaccard_loss_has_no_smoothing_and_is_a_number_where_there_is_nothing():
    assert printed_jaccard_loss(FOUND, TRUTH).item() == pytest.approx(1 - 1.4 / 2.6)
    nothing = torch.zeros(1, 8, 8)
    assert printed_jaccard_loss(nothing, nothing) == 1
    assert torch.isfinite(gradient(printed_jaccard_loss, nothing, nothing)).all()


def test_the_gradient_of_the_jaccard_loss_is_the_paper_s_equation():
    assert gradient(jaccard_loss, FOUND, TRUTH, 0.0)[0].tolist() == pytest.approx(
        [-1 / 2.6, -1 / 2.6, 1.4 / 2.6**2, 1.4 / 2.6**2]
    )
    torch.manual_seed(0)
    truth = torch.rand(2, 32, 32) < 0.3
    found = torch.rand(2, 32, 32)
    inside = found[truth].sum()
    union = truth.sum() + found[~truth].sum()
    expected = torch.where(truth, -1 / union, inside / union**2)
    assert torch.allclose(gradient(jaccard_loss, found, truth, 0.0), expected, rtol=1e-4)
    # the smoothing of one pixel hardly shows
    assert torch.allclose(
        gradient(jaccard_loss, found, truth),
        expected,
        rtol=0.01,
    )


def test_without_a_structure_nothing_found_is_perfect_and_anything_found_is_pushed_down():
    nothing = torch.zeros(1, 8, 8)
    assert jaccard_loss(nothing, nothing) == 0
    found = torch.full((1, 8, 8), 0.5)
    assert 0.9 < jaccard_loss(found, nothing) < 1
    assert (gradient(jaccard_loss, found, nothing) > 0).all()
    assert torch.isfinite(gradient(jaccard_loss, nothing, nothing)).all()


def test_a_slice_without_the_structure_does_not_count_as_lost():
    truth = torch.zeros(2, 4, 4)
    truth[0, :2] = 1
    assert jaccard_loss(truth, truth) == 0
    assert jaccard_loss(truth * 0.5, truth, 0.0).item() == pytest.approx(0.5)


def test_the_balanced_cross_entropy_weighs_each_class_by_the_share_of_the_other():
    truth = torch.tensor([1.0, 0.0, 0.0, 0.0])
    found = torch.tensor([0.5, 0.5, 0.25, 0.1])
    expected = (
        -(0.75 * torch.tensor(0.5).log() + 0.25 * (torch.tensor([0.5, 0.75, 0.9]).log()).sum()) / 4
    )
    assert balanced_cross_entropy(found, truth).item() == pytest.approx(expected.item(), rel=1e-5)
    assert cross_entropy(found, truth).item() == pytest.approx(
        -(torch.tensor([0.5, 0.5, 0.75, 0.9]).log().mean()).item(),
        rel=1e-5,
    )


def test_the_balanced_cross_entropy_says_nothing_about_one_class_alone():
    found = torch.full((4,), 0.3)
    for truth in (torch.zeros(4), torch.ones(4)):
        assert balanced_cross_entropy(found, truth) == 0
        assert gradient(balanced_cross_entropy, found, truth).abs().max() == 0


@pytest.mark.parametrize("loss", [jaccard_loss, cross_entropy, balanced_cross_entropy])
def test_certain_probabilities_and_half_precision_give_numbers(loss):
    certain = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    value = loss(certain, torch.tensor([True, True, False, False]))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(certain.grad).all()
    assert torch.isfinite(loss(FOUND.half(), TRUTH))


def test_an_unknown_loss_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="jaccard, cross_entropy, balanced_cross_entropy"):
        find_loss("dice")
