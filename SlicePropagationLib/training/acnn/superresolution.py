"""`train acnn_superresolution --prior TL.pt`: fine images from thick slices.

Not reproduced of the paper's comparison: SR-CNN, and the opinion scores of two cardiologists.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.presets import SuperresolutionTraining, on_small_grid

_ACNN = SuperresolutionTraining()
_ACNN = replace(
    _ACNN,
    task=replace(_ACNN.task, degradation=replace(_ACNN.task.degradation, shift_mm=3.0, turn=3.0)),
)


def _plain(training, kind="subpixel", base_channels=24):
    return replace(
        training,
        task=replace(
            training.task,
            code_weight=0.0,
            network=replace(training.task.network, kind=kind, base_channels=base_channels),
        ),
    )


PRESETS = {
    "default": _ACNN,  # ACNN-SR
    "plain": _plain(_ACNN),  # the same without a prior
    "unet": _plain(_ACNN, "unet", 18),  # 3D-UNet
}
PRESETS |= {
    "small" if name == "default" else f"{name}-small": on_small_grid(training)
    for name, training in list(PRESETS.items())
}
