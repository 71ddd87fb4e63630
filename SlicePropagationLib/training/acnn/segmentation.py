"""`train acnn_segmentation --prior AE.pt`: labels on a fine grid from thick slices.

The paper's baselines are presets.

Not reproduced of the paper's comparison: 2D-FCN, and BEAS and FCN on the CETUS ultrasound data,
which cannot be had here.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.presets import SegmentationTraining, small_presets

MOTION = {"shift_mm": 3.0, "turn": 3.0}  # of slices between breath-holds; the paper gives no range


def _changed(
    training: SegmentationTraining,
    kind: str = "subpixel",
    base_channels: int = 24,
    *,
    code_weight: float = 0.0,
    gives_labels: bool = False,
    moves: bool = False,
) -> SegmentationTraining:
    task = training.task
    network = replace(task.network, kind=kind, base_channels=base_channels)
    degradation = replace(task.degradation, **MOTION) if moves else task.degradation
    changed = replace(
        task,
        network=network,
        code_weight=code_weight,
        gives_labels=gives_labels,
        degradation=degradation,
    )
    return replace(training, task=changed)


_ACNN = SegmentationTraining()
PRESETS = {
    "default": _ACNN,  # ACNN-Seg
    "motion": _changed(_ACNN, code_weight=0.01, moves=True),  # ACNN-Seg with motion augmentation
    "plain": _changed(_ACNN),  # 3D-Seg
    "plain-motion": _changed(_ACNN, moves=True),  # 3D-Seg-MAug
    "unet": _changed(_ACNN, "unet", 18),  # 3D-UNet
    "cascade": _changed(_ACNN, "cascade", 14),  # AE-Seg
    "cascade-motion": _changed(_ACNN, "cascade", 14, moves=True),  # AE-Seg-M
    # refines the annotation of thick slices: `superresolve --model`
    "annotation": _changed(_ACNN, code_weight=0.01, gives_labels=True),
    "annotation-plain": _changed(_ACNN, gives_labels=True),
}
PRESETS |= small_presets(PRESETS)
