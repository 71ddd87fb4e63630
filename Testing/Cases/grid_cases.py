"""Cases of grids: where the voxels of an image and of a seed lie."""

from pathlib import Path

import numpy as np
from case_inputs import THICK, scaled, write_nifti, write_segmentation, write_with_itk
from case_list import development_case, propagate_command
from case_phantoms import drawn_on, wandering_disc

MICROMETRES = 0.0004  # mm


@development_case(
    "las-image-flipped-seed",
    "B",
    what="The image is an LAS NIfTI file. The seed is drawn on its voxels, but the file counts "
    "the second axis from the other end; there is one as a label map and one as .seg.nrrd, which "
    "is how Slicer saves a segmentation of a left-handed image.",
    expected="Whichever of the three seeds is given, the label map is the same (Dice 0.80 with "
    "truth.nii.gz): the lattice is one, so the seed is turned round. The page reads them so, too.",
    do=propagate_command("image.nii.gz", "seed.seg.nrrd")
    + "; again with seed.nii.gz and with seed-same-order.nii.gz, stored in the image's order",
)
def las_image_flipped_seed(folder: Path) -> None:
    image, truth = wandering_disc()
    seed = drawn_on(truth, [7])
    spacing = (1.0, 1.5, 3.0)
    place = {
        "spacing": spacing,
        "origin": (5.0, -7.0, 11.0),
        "axes": (1.0, -1.0, 1.0),
    }
    write_with_itk(folder / "image.nii.gz", image.astype(np.int16), **place)
    write_with_itk(folder / "truth.nii.gz", truth.astype(np.uint8), **place)
    write_with_itk(folder / "seed-same-order.nii.gz", seed, **place)
    turned = seed[:, ::-1]
    far_end = (5.0, -7.0 - 1.5 * (truth.shape[1] - 1), 11.0)
    write_with_itk(folder / "seed.nii.gz", turned, spacing, far_end)
    fields = {
        "ID": "disc",
        "Name": "disc",
        "LabelValue": 1,
        "Layer": 0,
    }
    write_segmentation(folder / "seed.seg.nrrd", [turned], [fields], spacing, far_end)


@development_case(
    "micrometre-voxels",
    "B",
    what="Voxels of 0.4 micrometres, fewer than the 0.001 mm by which grids may differ. One seed "
    "lies 20 voxels aside, another has voxels of twice the size.",
    expected="seed-moved.nrrd and seed-coarse.nrrd are refused, as on another grid (what may "
    "differ follows from the size of a voxel). seed.nrrd works, and out.slices.csv tells its "
    "areas: 197 voxels of 1.6e-7 mm2 are not 0.00.",
    do=propagate_command("image.nrrd", "seed-moved.nrrd")
    + "; again with seed-coarse.nrrd and with seed.nrrd",
)
def micrometre_voxels(folder: Path) -> None:
    image, truth = wandering_disc()
    seed = drawn_on(truth, [6, 12])
    fine = [MICROMETRES] * 3
    write_with_itk(folder / "image.nrrd", image.astype(np.int16), fine)
    write_with_itk(folder / "seed.nrrd", seed, fine)
    write_with_itk(folder / "seed-moved.nrrd", seed, fine, (20 * MICROMETRES, 0.0, 0.0))
    write_with_itk(folder / "seed-coarse.nrrd", seed, [2 * MICROMETRES] * 3)


@development_case(
    "sform-shear-0.0003",
    "A",
    what="The sform of the NIfTI image has a shear of 0.0003, as a converter's rounding leaves it "
    "(0.02 mm from end to end), and there is no qform.",
    expected="It is read with the nearest orthonormal axes, with a warning at most. The labels "
    "are those of plain.nii.gz with plain-seed.nii.gz, the same without the shear; the result's "
    "sform is the image's within 0.01 mm.",
    do=propagate_command("image.nii.gz", "seed.nii.gz"),
)
def sform_shear(folder: Path) -> None:
    image, truth = wandering_disc()
    sheared = scaled(*THICK)
    sheared[1, 2] = 0.0003 * THICK[2]
    for start, sform in (("", sheared), ("plain-", scaled(*THICK))):
        image_name = f"{start.rstrip('-') or 'image'}.nii.gz"
        write_nifti(folder / image_name, image, sform, has_qform=False)
        seed = drawn_on(truth, [9])
        path = folder / f"{start}seed.nii.gz"
        write_nifti(
            path,
            seed,
            sform,
            dtype=np.uint8,
            has_qform=False,
        )


@development_case(
    "sform-code-2-differs-from-qform",
    "A",
    what="The NIfTI image has two valid forms, a qform (code 1, scanner) and an sform (code 2, "
    "aligned), which are 12 degrees and 47 mm apart.",
    expected="The result has both forms and both codes of the image, so that a viewer that goes by "
    "the sform lays one on the other: nibabel.load(out).affine is nibabel.load(image).affine.",
    do=propagate_command("image.nii.gz", "seed.nii.gz"),
)
def sform_differs_from_qform(folder: Path) -> None:
    image, truth = wandering_disc()
    qform = scaled(*THICK)
    qform[:3, 3] = (-20, -30, 5)
    cosine = np.cos(np.radians(12))
    sine = np.sin(np.radians(12))
    sform = scaled(*THICK)
    sform[:2, :2] = [[cosine, -sine], [sine, cosine]]
    sform[:3, 3] = (10, 4, -7)
    forms = {
        "sform": sform,
        "sform_code": 2,
        "qform": qform,
    }
    write_nifti(folder / "image.nii.gz", image, **forms)
    write_nifti(folder / "seed.nii.gz", drawn_on(truth, [6, 12]), **forms, dtype=np.uint8)
