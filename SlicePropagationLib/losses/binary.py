"""Losses of the probability of one structure.

Jaccard as in the pancreas paper, cross-entropy, class-balanced cross-entropy.

Each takes the probability, not logits, because the paper's output is a weighted sum of
probabilities. All of a batch counts as one set of pixels, so that a slice without the structure
does not make a set of its own.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from SlicePropagationLib.errors import ConfigError

Loss = Callable[[Tensor, Tensor], Tensor]  # (probability, truth) -> scalar
SMOOTHING = 1.0  # pixels
TINY = 1e-12  # pixels; keeps a batch with nothing in it and nothing found a number


def jaccard_loss(
    probability: Tensor,
    truth: Tensor,
    smoothing: float = SMOOTHING,
) -> Tensor:
    """1 - sum of the probability inside / (size of the structure + sum of the probability outside).

    Its gradient is -1/u on the structure and i/u**2 outside, i and u being numerator and
    denominator. `smoothing` is added to both, which settles the empty case: no structure and no
    probability is a loss of 0, no structure and some probability is a loss below 1 that says
    "less".

    Args:
        probability: any shape, in [0, 1].
        truth: the same shape, bool or 0 and 1.
        smoothing: in pixels; 0 is the equation as printed.

    Returns:
        Scalar in [0, 1]; 0 is perfect.

    Source: Cai et al., 2018, section "Jaccard loss"; the smoothing is our choice.
    """
    probability = probability.float()
    truth = truth.float()
    inside = (probability * truth).sum()
    union = truth.sum() + (probability * (1 - truth)).sum()
    return 1 - (inside + smoothing) / (union + smoothing)


def printed_jaccard_loss(probability: Tensor, truth: Tensor) -> Tensor:
    """The Jaccard loss as Cai et al. print it, without smoothing; shapes as in `jaccard_loss`.

    A batch without the structure has a loss of 1 and no gradient: it teaches nothing.
    """
    probability = probability.float()
    truth = truth.float()
    inside = (probability * truth).sum()
    union = truth.sum() + (probability * (1 - truth)).sum()
    return 1 - inside / union.clamp_min(TINY)


def cross_entropy(probability: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy over pixels; shapes as in `jaccard_loss`. A scalar >= 0."""
    return F.binary_cross_entropy(probability.float(), truth.float())


def balanced_cross_entropy(probability: Tensor, truth: Tensor) -> Tensor:
    """Mean cross-entropy over pixels, balanced between the classes.

    The structure is weighted by the share of the background and the other way round.

    Args:
        probability: as in `jaccard_loss`.
        truth: the same.

    Returns:
        Scalar >= 0; 0, with no gradient, where there is only structure or only background.

    Source: Xie and Tu, HED, ICCV 2015, equation 2.
    """
    truth = truth.float()
    share = truth.mean()
    weight = truth * (1 - share) + (1 - truth) * share
    return F.binary_cross_entropy(probability.float(), truth, weight=weight)


LOSSES: dict[str, Loss] = {
    "jaccard": jaccard_loss,
    "cross_entropy": cross_entropy,
    "balanced_cross_entropy": balanced_cross_entropy,
    "jaccard_printed": printed_jaccard_loss,
}


def find_loss(name: str) -> Loss:
    """The loss of that name; ConfigError with the known ones where there is none."""
    if name not in LOSSES:
        raise ConfigError(f"loss must be one of {', '.join(LOSSES)}, got '{name}'.")
    return LOSSES[name]
