"""What anatomically constrained networks are measured by: distance of codes, cross-entropy.

Oktay et al., Anatomically Constrained Neural Networks, IEEE TMI 37(2), 2018, section II.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

CODE_FORMS = ("relative", "printed")
ENTROPIES = ("voxels", "classes")


def code_distance(first: Tensor, second: Tensor) -> Tensor:
    """Squared Euclidean distance of two (B, code_size) batches of codes, mean over the batch."""
    return (first - second).square().sum(dim=1).mean()


def code_loss(
    found: Tensor,
    wanted: Tensor,
    form: str,
) -> Tensor:
    """The distance of codes that a prior adds to a loss.

    Args:
        found: (B, code_size) codes of what a network says.
        wanted: (B, code_size) codes of the truth.
        form: "printed" for equations 1 and 2 as they stand, the squared distance; "relative" for that
            divided by the mean squared length of `wanted`, which is ours: a weight then means the
            same for every auto-encoder, and is weaker by that length than the paper's.
    """
    distance = code_distance(found, wanted)
    if form == "printed":
        return distance
    return distance / wanted.square().sum(dim=1).mean().clamp_min(1e-12)


def class_entropy(
    logits: Tensor,
    labels: Tensor,
    mean_over: str = "voxels",
) -> Tensor:
    """Cross-entropy of (B, C, ...) logits and (B, ...) int64 classes.

    The paper's "average cross-entropy loss of each class" (section II-A) can be read in two ways.

    Args:
        logits: before the softmax.
        labels: class numbers.
        mean_over: "voxels" for the mean over all voxels; "classes" for the mean over the classes
            that occur in the batch of the mean over their voxels, in which a small structure counts
            as much as the background.
    """
    losses = F.cross_entropy(logits.float(), labels, reduction="none")
    if mean_over == "voxels":
        return losses.mean()
    means = [losses[labels == number].mean() for number in labels.unique().tolist()]
    return torch.stack(means).mean()
