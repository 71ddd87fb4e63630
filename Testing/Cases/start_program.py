"""Start the program as its installed command does, or so that it is stopped at a chosen moment.

python start_program.py plainly ARGUMENT ...
python start_program.py killed-at-rename N ARGUMENT ...       SIGKILL after its Nth rename
python start_program.py interrupted-at-import NAME ARGUMENT ...     Ctrl-C as it imports NAME
python start_program.py interrupted-in-a-finalizer NAME ARGUMENT ...     the same, where Python
    cleans up an object: it tells of such an error and goes on
python start_program.py measured FILE ARGUMENT ...      the most memory it had, in MiB, to FILE
"""

import atexit
import importlib
import os
import signal
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def entry() -> Callable[[], int]:
    """What `slice-propagation` calls once it is installed."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["slice-propagation"].partition(":")
    return getattr(importlib.import_module(module), function)


def kill_at_rename(number: int) -> None:
    """End as by a power failure right after so many files got their final names."""
    done = []

    def counted(rename: Callable) -> Callable:
        def then_die(*arguments, **options):
            rename(*arguments, **options)
            done.append(arguments)
            if len(done) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        return then_die

    os.rename = counted(os.rename)
    os.replace = counted(os.replace)


def at_import(name: str, act: Callable[[], None]) -> None:
    """Do something in the moment in which a module is imported for the first time."""
    done = []

    def watch(event: str, arguments: tuple) -> None:
        if event == "import" and arguments[0] == name and not done:
            done.append(name)
            act()

    sys.addaudithook(watch)


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


class Tidied:
    """Something that is interrupted when it is cleaned up."""

    def __del__(self) -> None:
        interrupt()
        time.sleep(0.01)  # so that Python notices it here


def measure(file: str) -> None:
    """Write down at the end how much memory this process had at most (Linux).

    What the system tells of an ended process may be the memory of the one that started it.
    """

    def write() -> None:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        Path(file).write_text(str(int(peak.split()[1]) // 1024), encoding="utf-8")

    atexit.register(write)


def start(how: str, *arguments: str) -> int:
    """Call the program with what is left of the arguments."""
    if how != "plainly":
        moment, *arguments = arguments
    if how == "killed-at-rename":
        kill_at_rename(int(moment))
    if how == "interrupted-at-import":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        at_import(moment, interrupt)
    if how == "interrupted-in-a-finalizer":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        at_import(moment, Tidied)
    if how == "measured":
        measure(moment)
    sys.argv = ["slice-propagation", *arguments]
    return entry()()


if __name__ == "__main__":
    sys.exit(start(*sys.argv[1:]))
