"""The program, and scripts beside this one, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def environment() -> dict[str, str]:
    """That of this process; the sources of this checkout come before installed ones."""
    ours = [path for path in sys.path if is_ours(Path(path).resolve())]
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(ours),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
    }


def is_ours(path: Path) -> bool:
    """Whether a folder is this checkout's own, and none of an environment inside of it."""
    return CHECKOUT in (path, *path.parents) and "site-packages" not in path.parts


def script(name: str, *arguments: object) -> list[str]:
    """The command line of a script beside this one."""
    return [sys.executable, str(HERE / name), *(str(argument) for argument in arguments)]


def run_script(folder: Path, name: str, *arguments: object) -> subprocess.CompletedProcess:
    """Run a script in a folder, for two minutes at most."""
    return subprocess.run(
        script(name, *arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )


def run_program(folder: Path, *arguments: object, how=("plainly",)) -> subprocess.CompletedProcess:
    """Run a command of the program in a folder; `how` is as in start_program.py."""
    return run_script(folder, "start_program.py", *how, *arguments)


def propagate_words(image="image.nii.gz", seed="seed.nii.gz", out="out.nii.gz") -> list[str]:
    """The usual run with the engine that needs no time."""
    return f"propagate --image {image} --seed {seed} --out {out} --engine copy --quiet".split()


def ends_with_a_sentence(done: subprocess.CompletedProcess) -> bool:
    """Whether unusable input was refused as it should be, and not by a traceback or a crash."""
    return done.returncode == 2 and bool(done.stderr.strip()) and "Traceback" not in done.stderr
