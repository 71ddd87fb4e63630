"""`train acnn_segmentation --prior AE.pt`: labels on a fine grid from thick slices.

The paper's baselines are presets.

Not reproduced of the paper's comparison: 2D-FCN, and BEAS and FCN on the CETUS ultrasound data,
which cannot be had here.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.presets import SegmentationTraining, on_small_grid

MOTION = {"shift_mm": 3.0, "turn": 3.0}  # of slices between breath-holds; the paper gives no range


def _changed(
    training, kind="subpixel", base_channels=24, code_weight=0.0, gives_labels=False, **degradation
):
    task = training.task
    return replace(
        training,
        task=replace(
            task,
            network=replace(task.network, kind=kind, base_channels=base_channels),
            code_weight=code_weight,
            gives_labels=gives_labels,
            degradation=replace(task.degradation, **degradation),
        ),
    )


_ACNN = SegmentationTraining()
PRESETS = {
    "default": _ACNN,  # ACNN-Seg
    "motion": _changed(_ACNN, code_weight=0.01, **MOTION),  # ACNN-Seg with motion augmentation
    "plain": _changed(_ACNN),  # 3D-Seg
    "plain-motion": _changed(_ACNN, **MOTION),  # 3D-Seg-MAug
    "unet": _changed(_ACNN, "unet", 18),  # 3D-UNet
    "cascade": _changed(_ACNN, "cascade", 14),  # AE-Seg
    "cascade-motion": _changed(_ACNN, "cascade", 14, **MOTION),  # AE-Seg-M
    "annotation": _changed(
        _ACNN,
        code_weight=0.01,
        gives_labels=True,
    ),  # refines the annotation of thick slices: `superresolve --model`
    "annotation-plain": _changed(_ACNN, gives_labels=True),
}
PRESETS |= {
    "small" if name == "default" else f"{name}-small": on_small_grid(training)
    for name, training in list(PRESETS.items())
}
