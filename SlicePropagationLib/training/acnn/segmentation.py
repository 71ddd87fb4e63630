"""`train acnn_segmentation --prior AE.pt`: labels on a fine grid from thick slices.

The paper's baselines are presets.

Not reproduced of the paper's comparison: 2D-FCN, and BEAS and FCN on the CETUS ultrasound data,
which cannot be had here.
"""

from dataclasses import replace

from SlicePropagationLib.training.acnn.presets import (
    SegmentationTraining,
    by_image,
    small_presets,
)

MOTION = {"shift_mm": 3.0, "turn": 3.0}  # of slices between breath-holds; the paper gives no range


def _changed(
    training: SegmentationTraining,
    kind: str = "subpixel",
    base_channels: int = 24,
    *,
    code_weight: float = 0.0,
    gives_labels: bool = False,
    moves: bool = False,
    autoencoder_channels: int = 16,
) -> SegmentationTraining:
    task = training.task
    network = replace(
        task.network,
        kind=kind,
        base_channels=base_channels,
        autoencoder_channels=autoencoder_channels,
    )
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
# equation 1 as printed, and grids that lie without the truth
_PAPER = by_image(replace(_ACNN, task=replace(_ACNN.task, code_form="printed")))
PRESETS = {
    "default": _ACNN,  # ACNN-Seg, the distance of codes relative to their length
    "paper": _PAPER,  # ACNN-Seg (--prior: of `train acnn_predictor --preset paper`)
    "paper-motion": _changed(_PAPER, code_weight=0.01, moves=True),
    # the other reading of "average cross-entropy loss of each class"
    "paper-classes": replace(_PAPER, task=replace(_PAPER.task, entropy="classes")),
    "motion": _changed(_ACNN, code_weight=0.01, moves=True),  # ACNN-Seg with motion augmentation
    "plain": _changed(_ACNN),  # 3D-Seg
    "plain-motion": _changed(_ACNN, moves=True),  # 3D-Seg-MAug
    "unet": _changed(_ACNN, "unet", 18),  # 3D-UNet
    "cascade": _changed(_ACNN, "cascade", 14),  # AE-Seg
    # AE-Seg-M: the largest auto-encoder behind AE-Seg, 1.91 million weights (Table I)
    "cascade-large": _changed(_ACNN, "cascade", 14, autoencoder_channels=20),
    "cascade-motion": _changed(_ACNN, "cascade", 14, moves=True),  # no column of the paper
    # refines the annotation of thick slices: `superresolve --model`
    "annotation": _changed(_ACNN, code_weight=0.01, gives_labels=True),
    "annotation-plain": _changed(_ACNN, gives_labels=True),
}
PRESETS |= small_presets(PRESETS)
