"""Cases of images and anchors on which a result must not depend, or must depend more."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from case_inputs import scaled, write_nifti
from case_list import development_case, propagate_command
from case_phantoms import drawn_on, ellipse, texture, widened


def write_table(path: Path, rows: Iterable[tuple]) -> None:
    """A table of commas, its first row the columns."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@development_case(
    "padding-minus-1000",
    "E",
    what="A textured image like MR, values 0 to 300, that is -1000 wherever it is outside of a "
    "round field of view and more than 3 pixels from the structure. filled.nii.gz has there the "
    "least value of the inside.",
    expected="Both images give the same within 0.02 Dice (with truth.nii.gz, the annotated slice "
    "counted in).",
    do=propagate_command("image.nii.gz", "seed.nii.gz")
    + "; again with filled.nii.gz, and both with --engine slice_unet",
)
def padding_minus_1000(folder: Path) -> None:
    size = 40
    middle = (size - 1) / 2
    truth = np.zeros((24, size, size), bool)
    for index in range(4, 20):
        centre = (middle + 2.5 * np.sin(index / 3), middle + 2.5 * np.cos(index / 3))
        part = 1 - 0.006 * (index - 11) ** 2
        truth[index] = ellipse(size, centre, (11 * part, 5 * part))
    grain = 10 * texture(truth.shape, 1, 2) + 5 * texture(truth.shape, 2, 0)
    image = (100 + grain + 40 * truth).clip(0, 300)
    inside = ellipse(size, (middle, middle), 10) | widened(truth.any(axis=0), 3)
    least = image[:, inside].min()
    write_nifti(folder / "image.nii.gz", np.where(inside, image, -1000))
    write_nifti(folder / "filled.nii.gz", np.where(inside, image, least))
    write_nifti(folder / "truth.nii.gz", truth, dtype=np.uint8)
    write_nifti(folder / "seed.nii.gz", drawn_on(truth, [11]), dtype=np.uint8)


@development_case(
    "short-stack-five-slices",
    "E",
    what="A stack of 6 slices at 10 mm, as of a heart. The structure is on 5 of them; on the sixth "
    "it goes on in the image, but the annotator stopped. With 5 annotated slices a single one is "
    "left to be scored.",
    expected="A score that does not fall as more is annotated and does not hang on one slice: the "
    "mean of K annotated slices leaves out structures on fewer than about 2 K, or the tables tell "
    "how many slices a score is of.",
    do="slice-propagation evaluate --cases cases.csv --split val "
    "--engines copy,interpolation,registration --shots 1,3,4,5 --out report",
)
def short_stack_five_slices(folder: Path) -> None:
    size = 64
    truth = np.zeros((6, size, size), bool)
    for step, radius in enumerate((13, 12, 10, 8, 5)):
        truth[1 + step] = ellipse(size, (32 + step, 30 - step), radius)
    image = 60 + 80 * truth + 12 * texture(truth.shape, 3, 1)
    image[0] += 80 * ellipse(size, (32, 30), 12)
    grid = scaled(1.4, 1.4, 10.0)
    write_nifti(folder / "image.nii.gz", image, grid)
    write_nifti(folder / "label.nii.gz", truth, grid, dtype=np.uint8)
    columns = ("image", "label", "split", "dataset", "case")
    row = ("image.nii.gz", "label.nii.gz", "val", "short", "short_1")
    write_table(folder / "cases.csv", [columns, row])


@development_case(
    "empty-slice-beside-large-anchor",
    "E",
    what="A large structure ends on slice 8, where it is drawn. Slice 10 is confirmed to be empty, "
    "and slice 9 between them is empty in truth. The contrast is so low that the image says "
    "little.",
    expected="Slice 9 has half of the drawn area at most: the empty anchor beside it says that the "
    "structure ends.",
    do=propagate_command("image.nii.gz", "seed.nii.gz", options="--anchors anchors.csv")
    + "; again with --engine slice_unet and --engine interpolation",
)
def empty_slice_beside_large_anchor(folder: Path) -> None:
    size = 64
    truth = np.zeros((14, size, size), bool)
    for index in range(2, 9):
        truth[index] = ellipse(size, (32, 32), 18 - 0.2 * (8 - index))
    image = 100 + 14 * truth + 10 * texture(truth.shape, 4, 1)
    write_nifti(folder / "image.nii.gz", image)
    write_nifti(folder / "truth.nii.gz", truth, dtype=np.uint8)
    write_nifti(folder / "seed.nii.gz", drawn_on(truth, [8]), dtype=np.uint8)
    columns = ("slice", "segment", "provenance")
    write_table(folder / "anchors.csv", [columns, (8, "1", "seed"), (10, "1", "confirmed")])
