"""What the headers of files say that another program, which has read them already, may not have said."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom import frames_of_files
from SlicePropagationLib.files.dicom_choice import described
from SlicePropagationLib.files.dicom_frames import DicomFrame, has_dicom_start
from SlicePropagationLib.files.dicom_grid import lay_out
from SlicePropagationLib.files.dicom_pixels import has_same_pixels
from SlicePropagationLib.files.dicom_stacks import DicomStack, stacks_of
from SlicePropagationLib.files.nifti import header_oddities, is_nifti, read_nifti_header
from SlicePropagationLib.files.nifti_forms import placement_of


def remarks_on(files: Sequence[Path]) -> list[str]:
    """Sentences on what is odd about the files of one volume; only headers are read.

    Args:
        files: one NIfTI file, or the DICOM files of a volume; of others nothing is said.
    """
    there = [path for path in files if path.is_file()]
    try:
        if len(there) == 1 and is_nifti(there[0]):
            header = read_nifti_header(there[0])
            odd = header_oddities(header, there[0].name)
            shown = [f"{remark[:-1]}; check the values that are shown." for remark in odd]
            return [*placement_of(header, there[0].name).remarks, *shown]
        if there and all(has_dicom_start(path) for path in there):
            return _of_dicom(there)
    except InputError as error:
        return [str(error)]
    return []


def _of_dicom(files: Sequence[Path]) -> list[str]:
    remarks: list[str] = []
    by_series: dict[str, list[DicomFrame]] = defaultdict(list)
    for frame in frames_of_files(files, remarks):
        by_series[frame.series].append(frame)
    groups = [stacks_of(frames, has_same_pixels) for frames in by_series.values()]
    stacks = [stack for group in groups for stack in group]
    name = f"the series in {files[0].parent.name}"
    if len(stacks) > 1:
        named = "; ".join(described(stack) for stack in stacks[:2])
        remarks.append(
            f"{name} holds {len(stacks)} volumes, such as {named}; check that one of them is shown."
        )
    elif stacks:
        remarks += _of_stack(stacks[0], name)
    return [remark[0].upper() + remark[1:] for remark in remarks]


def _of_stack(stack: DicomStack, name: str) -> list[str]:
    """What is odd about where the slices of one volume lie."""
    if stack.problem:
        return [f"{name} {stack.problem}"]
    if stack.num_times > 1:
        return [f"{name} holds {stack.num_times} times; check that one of them is shown."]
    found = [remark.split(". ")[0].rstrip(".") for remark in lay_out(stack, name).remarks]
    if stack.copies:
        found.append(f"{name} has {stack.copies} image(s) twice, of which each counts once")
    slopes = sorted({place[0].slope for place in stack.places})
    if len(slopes) > 1:
        found.append(
            f"the values of {name} have a slope for each slice, {slopes[0]:g} to {slopes[-1]:g}"
        )
    return [f"{remark}. Check that the volume shows it so." for remark in found]
