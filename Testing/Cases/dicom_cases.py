"""Cases of DICOM series, as scanners, discs and archives hand them over."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from case_inputs import dicom_image, save_dicom, write_with_itk
from case_list import development_case, propagate_command
from case_phantoms import drawn_on, wandering_disc
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import MRImageStorage, PositronEmissionTomographyImageStorage

STEP = 3  # mm between slices
GAP = (10, 11)  # the slices that are missing
RUN = propagate_command("series", "seed.nii.gz")


def write_pet(
    folder: Path,
    bright: float,
    noise: float,
    slopes: Sequence[float],
) -> None:
    """A PET series whose slices have a slope each."""
    image, truth = wandering_disc(bright=bright, noise=noise)
    for index, slope in enumerate(slopes):
        pixels = image[index].clip(0) / slope
        dataset = dicom_image(
            pixels,
            index + 1,
            STEP * index,
            storage=PositronEmissionTomographyImageStorage,
            modality="PT",
            RescaleSlope=f"{slope:.8g}",
            RescaleIntercept="0",
        )
        save_dicom(folder / "series", dataset)
    write_with_itk(folder / "seed.nii.gz", drawn_on(truth, [9]))


@development_case(
    "dicom-pet-first-slope-whole",
    "A",
    what="A PET series in which every slice has a rescale slope of its own: 1 on the first, 0.0005 "
    "and more on the others. The true values go from 0 to 3.2.",
    expected="Floating-point values from 0 to 3.2, more than 1000 different ones, every slice by "
    "its own slope.",
    do=f"Open the folder series at the page, or read it with the library; {RUN}",
)
def dicom_pet_first_slope_whole(folder: Path) -> None:
    write_pet(folder, 3.0, 0.05, [1.0, *(0.0005 + 0.00002 * np.arange(1, 20))])


@development_case(
    "dicom-pet-faint",
    "A",
    what="The same with a faint structure: the slope is 1 on the first slice and 0.0002 on the "
    "others, and no true value is above 0.95.",
    expected="Floating-point values from 0 to 0.95; the run works.",
    do=f"Open the folder series at the page, or read it with the library; {RUN}",
)
def dicom_pet_faint(folder: Path) -> None:
    write_pet(folder, 0.9, 0.01, [1.0] + [0.0002] * 19)


@development_case(
    "dicom-missing-slices",
    "A",
    what="A CT series at 3 mm that lacks two slices in its middle, which leaves a gap of 9 mm.",
    expected="A sentence, at the page as well, says between which positions slices are missing. "
    "Then the series is refused, or its slices are at their true places (spacing 3). They are "
    "never 3 mm off in silence.",
    do=f"Open the folder series at the page; {RUN} (this seed is on the grid that a reader gives "
    "which spreads the slices evenly: 57/17 mm)",
)
def dicom_missing_slices(folder: Path) -> None:
    image, truth = wandering_disc()
    there = [index for index in range(20) if index not in GAP]
    for number, index in enumerate(there, 1):
        save_dicom(folder / "series", dicom_image(image[index] + 50, number, STEP * index))
    spread = STEP * 19 / (len(there) - 1)
    write_with_itk(folder / "seed.nii.gz", drawn_on(truth, [6])[there], (1, 1, spread))


@development_case(
    "dicom-two-phases",
    "A",
    what="Two phases in one series (AcquisitionNumber 1 and 2): 40 files, two at every position.",
    expected="20 slices at 3 mm of one phase and a sentence that says which one; or a refusal that "
    "names both.",
    do=f"Open the folder series at the page; {RUN} (the seed is right: 20 slices at 3 mm)",
)
def dicom_two_phases(folder: Path) -> None:
    image, truth = wandering_disc()
    for phase, contrast in ((1, 1.0), (2, 0.4)):
        for index, pixels in enumerate(image):
            number = 20 * (phase - 1) + index + 1
            dataset = dicom_image(
                contrast * pixels + 50,
                number,
                STEP * index,
                AcquisitionNumber=phase,
            )
            save_dicom(folder / "series", dataset)
    write_with_itk(folder / "seed.nii.gz", drawn_on(truth, [9]))


@development_case(
    "dicom-cine-folder",
    "A",
    what="A cine MR series, 5 times (TriggerTime) at each of 3 places, opened like a volume.",
    expected="It is refused as a sequence of 5 frames, with what to do, as a 4D NIfTI is. As a "
    "sequence (--axis t) it has 5 frames of 3 slices at 8 mm.",
    do="Open the folder series at the page, or read it as a volume with the library",
)
def dicom_cine_folder(folder: Path) -> None:
    image, _ = wandering_disc(
        size=24,
        count=3,
        on=range(3),
        radius=5,
    )
    for index, pixels in enumerate(image):
        for frame in range(5):
            dataset = dicom_image(
                (1 + 0.1 * frame) * pixels + 50,
                5 * index + frame + 1,
                10 + 8 * index,
                storage=MRImageStorage,
                modality="MR",
                TriggerTime=40 * frame,
            )
            save_dicom(folder / "series", dataset)


@development_case(
    "dicom-disc-and-single-file",
    "A",
    what="The same six slices in three usual forms: on a disc (DICOMDIR, files in subfolders), as "
    "one file named by itself, and in a folder of files that lack preamble and meta information.",
    expected="From disc and from no-preamble come 6 slices of 32 x 32 at 3 mm. single/slice.dcm "
    "gives its series, or a refusal: one slice is no volume, and its folder is to be named.",
    do="Open disc, single/slice.dcm and no-preamble, each as --image, with the library and at the "
    "page",
)
def dicom_disc_and_single_file(folder: Path) -> None:
    image, _ = wandering_disc(
        size=32,
        count=6,
        on=range(1, 5),
        radius=6,
    )
    slices = []
    for index, pixels in enumerate(image):
        slices.append(dicom_image(pixels + 50, index + 1, STEP * index))
    save_dicom(folder / "single", slices[2], "slice.dcm")
    for dataset in slices:
        save_without_preamble(folder / "no-preamble", dataset)
    disc = FileSet()
    for dataset in slices:
        disc.add(dataset)
    disc.UID = "2.25.4"
    disc.write(folder / "disc")


def save_without_preamble(folder: Path, dataset: Dataset) -> None:
    """The data set alone, as older archives keep it."""
    bare = Dataset()
    for element in dataset:
        bare.add(element)
    bare.SpecificCharacterSet = "ISO_IR 100"
    folder.mkdir(exist_ok=True)
    bare.save_as(
        folder / f"{dataset.InstanceNumber:03d}.dcm",
        implicit_vr=False,
        little_endian=True,
        enforce_file_format=False,
    )
