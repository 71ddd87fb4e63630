"""Losses that the libraries do not have in the form that the tasks need."""


def soft_dice_per_sample(probability, target, smoothing=16.0):
    """1 - Dice of a probability map, for each sample.

    Args:
        probability: (B, 1, H, W) in [0, 1].
        target: the same shape, in [0, 1].
        smoothing: added to both sides; keeps a few wrong pixels on an empty slice from counting as a total failure.

    Returns:
        (B,) in [0, 1]; 0 is perfect, also when both are empty.

    Source: Milletari et al., V-Net, 3DV 2016, section 3, without the squares.
    """
    axes = (1, 2, 3)
    overlap = (probability * target).sum(dim=axes)
    total = (probability + target).sum(dim=axes)
    return 1 - (2 * overlap + smoothing) / (total + smoothing)
