"""Every example of docs/examples.md that names files runs as it stands there, in a folder with such files."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = CHECKOUT / "Testing" / "Fixtures" / "6ded416"
PAGE = (CHECKOUT / "docs" / "examples.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: ([a-z-]+) -->\n```python\n(.*?)```", PAGE, re.DOTALL))

SEEDS = "image,seed\nimage.nii.gz,seed.nii.gz\n"
TRUTHS = (
    "image,label,split,case\nimage.nii.gz,truth.nii.gz,train,a\nimage.nii.gz,truth.nii.gz,val,b\n"
)
# Name of an example: {name it gives a file: the file that stands for it, or its text}, what it
# leaves behind.
WANTED = {
    "propagate-file": ({"image": "image", "seed": "seed"}, ["out.nii.gz", "out.slices.csv"]),
    "batch": (
        {
            "image": "image",
            "seed": "seed",
            "cases": SEEDS,
        },
        ["results"],
    ),
    "evaluate": (
        {
            "image": "image",
            "truth": "truth",
            "cases": TRUTHS,
        },
        ["tables/results.md", "tables/rows.csv"],
    ),
    "simulate": ({"image": "image", "truth": "truth"}, []),
    "train": (
        {
            "image": "image",
            "truth": "truth",
            "cases": TRUTHS,
        },
        ["build/mine/best.pt"],
    ),
    "segment": ({"image": "image", "model": "weights/unet2d.pt"}, ["labels.nii.gz"]),
    "superresolve": ({"thick": "thick", "labels": "thick_labels"}, ["fine.nii.gz", "fine.json"]),
    "pseudo-label": (
        {"cine": "cine", "ed_es": "cine_seed"},
        ["labels.nii.gz", "labels.distances.csv", "labels.json"],
    ),
}
NEEDS_TRAINING = {"train": "lightning", "segment": "torch"}


def put_files(folder, files):
    for name, source in files.items():
        if "\n" in source:
            (folder / f"{name}.csv").write_text(source, encoding="utf-8")
            continue
        path = FILES / (source if "." in source else f"{source}.nii.gz")
        ending = ".pt" if path.suffix == ".pt" else ".nii.gz"
        shutil.copyfile(path, folder / f"{name}{ending}")


def run_as_script(code, folder):
    """Run a text as a person would, in a file; workers that it starts import the file anew."""
    script = folder / "example.py"
    body = "".join(f"    {line}\n" for line in code.splitlines())
    script.write_text(f"if __name__ == '__main__':\n{body}", encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(CHECKOUT),
        "OMP_NUM_THREADS": "1",
        "PYTHONUTF8": "1",
    }
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def test_each_example_but_the_one_with_arrays_is_run_here():
    assert set(WANTED) == set(EXAMPLES) - {"session"}


def test_an_example_with_files_has_at_most_ten_lines():
    for name in WANTED:
        lines = [line for line in EXAMPLES[name].splitlines() if line.strip()]
        assert len(lines) <= 10, name


@pytest.mark.parametrize("name", WANTED)
def test_an_example_of_the_documentation_runs(name, tmp_path):
    if name in NEEDS_TRAINING:
        pytest.importorskip(NEEDS_TRAINING[name])
    files, results = WANTED[name]
    put_files(tmp_path, files)
    done = run_as_script(EXAMPLES[name], tmp_path)
    assert done.returncode == 0, done.stderr
    assert [result for result in results if not (tmp_path / result).exists()] == []
