"""`slice-propagation`, and `python -m SlicePropagationLib`: Ctrl-C counts from the first import on."""

import os
import signal
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command that the program was started with; returns its exit code."""
    answer(leave_at_once)
    open_streams()
    from SlicePropagationLib.commands.endings import flushed
    from SlicePropagationLib.commands.main import main as run

    answer(signal.default_int_handler)
    sys.unraisablehook = press_again
    try:
        code = flushed(run())
    except KeyboardInterrupt:  # before the command began, or as it had ended
        code = INTERRUPTED
    answer(signal.SIG_DFL)  # nothing is left to be tidied up
    return code


def open_streams() -> None:
    """Give a program without a console, or whose streams are closed, some that lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for good


def answer(handler: "signal._HANDLER") -> None:
    """What Ctrl-C does from now on, unless this program was started to be deaf to it."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def leave_at_once(*_: object) -> None:
    """Nothing has begun: there is nothing to be tidied up, and no module to be left half imported."""
    os.write(2, b"slice-propagation: interrupted.\n")
    os._exit(INTERRUPTED)


def press_again(ignored: "sys.UnraisableHookArgs") -> None:
    """Ctrl-C while Python cleans up an object is lost and told as an error; press it once more."""
    if not issubclass(ignored.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(ignored)
        return
    from _thread import interrupt_main
    from threading import Timer

    Timer(0.1, interrupt_main).start()


if __name__ == "__main__":
    sys.exit(main())
