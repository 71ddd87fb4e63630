"""What SimpleITK does not write into the header of an NRRD file."""

from pathlib import Path


def say_list(path: Path | str) -> None:
    """Call the first axis of an NRRD file a list, instead of the parts of a vector.

    Slicer needs that of frames and of layers; the data stay.
    """
    header, mark, data = Path(path).read_bytes().partition(b"\n\n")
    kinds = [line for line in header.split(b"\n") if line.startswith(b"kinds:")]
    changed = header.replace(kinds[0], b"kinds: list domain domain domain")
    Path(path).write_bytes(changed + mark + data)
