"""Write the inputs of the development cases, each into a folder of its own with a `case.json`.

    python Testing/Cases/write_cases.py OUT [NAME ...]

It needs numpy, nibabel, pydicom and SimpleITK, and nothing of the program.
"""

import json
import shutil
import sys
from pathlib import Path

import dicom_cases  # noqa: F401    each puts its cases on the list
import grid_cases  # noqa: F401
import image_cases  # noqa: F401
import segmentation_cases  # noqa: F401
from case_list import CASES


def write_case(name: str, out: Path) -> Path:
    """Write one case in place of what is there; returns its folder."""
    case = CASES[name]
    folder = Path(out) / name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    case.write(folder)
    description = {
        "what": case.what,
        "input": sorted(path.name for path in folder.iterdir()),
        "do": case.do,
        "expected": case.expected,
        "kind": case.kind,
    }
    text = json.dumps(description, indent=1, ensure_ascii=False)
    (folder / "case.json").write_text(text + "\n", encoding="utf-8")
    return folder


def main(arguments: list[str]) -> int:
    """Write what is asked for; 0 when done, 2 for arguments that make no sense."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    out, *names = arguments
    unknown = [name for name in names if name not in CASES]
    if unknown:
        print(f"There is no case {unknown[0]}; choose from {', '.join(CASES)}.", file=sys.stderr)
        return 2
    for name in names or CASES:
        print(write_case(name, Path(out)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
