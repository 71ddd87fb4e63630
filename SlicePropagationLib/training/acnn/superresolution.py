"""`train acnn_superresolution --prior TL.pt`: fine images from thick slices.

Not reproduced of the paper's comparison: SR-CNN, and the opinion scores of two cardiologists.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.degradation import AffineConfig
from SlicePropagationLib.training.acnn.presets import (
    SuperresolutionTraining,
    by_image,
    small_presets,
)

_TASK = SuperresolutionTraining().task
_MOTION = replace(_TASK.degradation, shift_mm=3.0, turn=3.0)
_ACNN = SuperresolutionTraining(replace(_TASK, degradation=_MOTION))
_AS_IT_IS = AffineConfig(turn=0.0, tilt=0.0, scale=0.0, shift=0.0)


def _as_printed(training: SuperresolutionTraining) -> SuperresolutionTraining:
    """Equation 2 as printed, and no affine maps: these are for labels and codes (section III-B)."""
    task = replace(training.task, code_form="printed", augmentation=_AS_IT_IS)
    return by_image(replace(training, task=task))


def _plain(
    training: SuperresolutionTraining,
    kind: str = "subpixel",
    base_channels: int = 24,
) -> SuperresolutionTraining:
    network = replace(training.task.network, kind=kind, base_channels=base_channels)
    return replace(training, task=replace(training.task, code_weight=0.0, network=network))


PRESETS = {
    "default": _ACNN,  # ACNN-SR, with affine maps and relative codes
    "paper": _as_printed(_ACNN),  # ACNN-SR
    "paper-plain": _as_printed(_plain(_ACNN)),
    "paper-unet": _as_printed(_plain(_ACNN, "unet", 18)),
    "plain": _plain(_ACNN),  # the same without a prior
    "unet": _plain(_ACNN, "unet", 18),  # 3D-UNet
}
PRESETS |= small_presets(PRESETS)
