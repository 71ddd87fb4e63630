"""`train acnn_superresolution --prior TL.pt`: fine images from thick slices.

Not reproduced of the paper's comparison: SR-CNN, and the opinion scores of two cardiologists.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.presets import SuperresolutionTraining, small_presets

_TASK = SuperresolutionTraining().task
_MOTION = replace(_TASK.degradation, shift_mm=3.0, turn=3.0)
_ACNN = SuperresolutionTraining(replace(_TASK, degradation=_MOTION))


def _plain(
    training: SuperresolutionTraining,
    kind: str = "subpixel",
    base_channels: int = 24,
) -> SuperresolutionTraining:
    network = replace(training.task.network, kind=kind, base_channels=base_channels)
    return replace(training, task=replace(training.task, code_weight=0.0, network=network))


PRESETS = {
    "default": _ACNN,  # ACNN-SR
    "plain": _plain(_ACNN),  # the same without a prior
    "unet": _plain(_ACNN, "unet", 18),  # 3D-UNet
}
PRESETS |= small_presets(PRESETS)
