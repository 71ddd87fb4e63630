"""What an error says, in the person's language."""

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationMRML.translation import tr as _


def problemText(problem: BaseException | None) -> str:
    """The message of an error, translated where it is one of ours; empty for None."""
    if problem is None:
        return ""
    if isinstance(problem, SlicePropagationError):
        return problem.said(_translated)
    return str(problem)


def _translated(key: str) -> str:
    """Slicer looks a text up under the file that asks: all errors are collected under this one."""
    return _(key)
