"""Cases of seeds and segmentations: what was drawn, and which structure it is."""

from pathlib import Path

import numpy as np
from case_inputs import scaled, write_nifti, write_segmentation
from case_list import development_case, propagate_command
from case_phantoms import drawn_on, ellipse, two_discs, wandering_disc

AS_IN_LPS = scaled(-1.0, -1.0, 3.0)  # RAS of the grid that the .seg.nrrd files have
GONE_ON_WITH = (
    propagate_command("image.nii.gz", "seed.seg.nrrd", "first.seg.nrrd")
    + "; then "
    + propagate_command(
        "image.nii.gz",
        "first.seg.nrrd",
        "second.seg.nrrd",
        "--anchors first.slices.csv",
    )
)
THE_SAME_AGAIN = (
    "second.json has the anchors of first.json, {'1': {'6': 'seed'}, '2': {'10': 'seed'}}, and "
    "second.seg.nrrd the voxels of first.seg.nrrd."
)


@development_case(
    "seed-in-two-planes",
    "C",
    what="A ball was outlined twice in one seed file, on an axial and on a sagittal slice, as "
    "people do.",
    expected="Both outlines are used (Dice of the ball no less than with the axial one alone, "
    "0.99), or a sentence says that the seed lies in two planes and which one counts. Two drawn "
    "slices never become 25.",
    do=propagate_command("image.nii.gz", "seed.nii.gz")
    + "; to compare, the same with seed-axial.nii.gz",
)
def seed_in_two_planes(folder: Path) -> None:
    away = np.indices((40, 40, 40)) - 20
    ball = (away**2).sum(axis=0) <= 12**2
    image = 100 * ball + np.random.default_rng(0).normal(0, 5, ball.shape)
    axial = drawn_on(ball, [20])
    both = axial | drawn_on(ball, [20], axis=2)
    write_nifti(folder / "image.nii.gz", image, np.eye(4))
    for name, labels in {
        "truth": ball,
        "seed-axial": axial,
        "seed": both,
    }.items():
        write_nifti(folder / f"{name}.nii.gz", labels, np.eye(4), dtype=np.uint8)


@development_case(
    "labels-0.99999",
    "E",
    what="A label map of float32 in which the label is 0.99999, after another program's sums.",
    expected="It counts as label 1, being within 0.001 of a whole number; 0.5 and the like are "
    "refused as before.",
    do=propagate_command("image.nii.gz", "seed.nii.gz"),
)
def labels_almost_whole(folder: Path) -> None:
    image, truth = wandering_disc()
    almost = drawn_on(truth, [6, 12]) * np.float32(0.99999)
    write_nifti(folder / "image.nii.gz", image)
    write_nifti(folder / "seed.nii.gz", almost, dtype=np.float32)


def write_two_segments(folder: Path, *names: str) -> None:
    """Two structures with these names, drawn on slices 6 and 10."""
    image, first, second = two_discs()
    labels = drawn_on(first, [6]) + drawn_on(second, [10], label=2)
    segments = []
    for label, name in enumerate(names, 1):
        segments.append(
            {
                "ID": f"id{label}",
                "Name": name,
                "LabelValue": label,
                "Layer": 0,
            }
        )
    write_nifti(folder / "image.nii.gz", image, AS_IN_LPS)
    write_segmentation(folder / "seed.seg.nrrd", [labels], segments)


@development_case(
    "two-segments-of-one-name",
    "D",
    what="Two segments that have the same name, drawn on slices 6 and 10. The result is gone on "
    "with by its own table.",
    expected=THE_SAME_AGAIN,
    do=GONE_ON_WITH,
)
def two_segments_of_one_name(folder: Path) -> None:
    write_two_segments(folder, "node", "node")


@development_case(
    "segment-named-by-the-other-number",
    "D",
    what="Segment 1 is called '2'. The result is gone on with by its own table.",
    expected=THE_SAME_AGAIN,
    do=GONE_ON_WITH,
)
def segment_named_by_the_other_number(folder: Path) -> None:
    write_two_segments(folder, "2", "kidney")


@development_case(
    "old-segnrrd-without-label-values",
    "D",
    what="A .seg.nrrd as older programs wrote it: a component for each segment, and neither "
    "LabelValue nor Layer. Slicer reads two segments of 197 voxels from it.",
    expected="Both segments are read, segment n from component n with the value 1: labels 0, 1 "
    "and 2, and the 197 drawn voxels of each are kept.",
    do=propagate_command("image.nii.gz", "seed.seg.nrrd", "out.seg.nrrd"),
)
def old_segnrrd_without_label_values(folder: Path) -> None:
    image, first, second = two_discs()
    layers = [drawn_on(first, [6]), drawn_on(second, [10])]
    segments = [{"ID": "s1", "Name": "one"}, {"ID": "s2", "Name": "two"}]
    write_nifti(folder / "image.nii.gz", image, AS_IN_LPS)
    write_segmentation(folder / "seed.seg.nrrd", layers, segments)


@development_case(
    "overlap-tumour-then-organ",
    "E",
    what="A tumour (49 voxels) inside an organ, drawn in two layers that overlap. The organ is "
    "the later segment of tumour-organ.seg.nrrd, the tumour that of organ-tumour.seg.nrrd.",
    expected="In either order what was drawn is kept: both in layers of the result, or in one "
    "layer the smaller one on top (49 and 148 voxels on slice 8). A refusal at the least; no "
    "segment vanishes.",
    do=propagate_command("image.nii.gz", "tumour-organ.seg.nrrd", "out.seg.nrrd")
    + "; again with organ-tumour.seg.nrrd",
)
def overlap_tumour_then_organ(folder: Path) -> None:
    image, organ = wandering_disc(size=64)
    tumour = np.zeros_like(organ)
    for step, index in enumerate(range(3, 17)):
        tumour[index] = ellipse(64, (32, 24 + step), 4)
    tumour &= organ
    write_nifti(folder / "image.nii.gz", image + 60 * tumour, AS_IN_LPS)
    drawn = {"organ": drawn_on(organ, [8]), "tumour": drawn_on(tumour, [8])}
    for order in (("tumour", "organ"), ("organ", "tumour")):
        segments = []
        for layer, name in enumerate(order):
            segments.append(
                {
                    "ID": name,
                    "Name": name,
                    "LabelValue": 1,
                    "Layer": layer,
                }
            )
        path = folder / f"{'-'.join(order)}.seg.nrrd"
        write_segmentation(path, [drawn[name] for name in order], segments)
