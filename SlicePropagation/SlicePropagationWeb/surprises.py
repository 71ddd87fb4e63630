"""What the page says of errors; of one that nobody expected the terminal has the rest."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from SlicePropagationLib.errors import SlicePropagationError

if TYPE_CHECKING:
    from SlicePropagationWeb.workflow import Workflow

WENT_WRONG = "Something unexpected went wrong; what was drawn is kept. The terminal of the program says what."

log = logging.getLogger(__name__)


def unexpected(error: BaseException, what: str = "") -> str:
    """Tell the terminal of an error, with its traceback; returns what the page is to say.

    The error's own text may hold paths and more of this machine, so it is not for the page.

    Args:
        error: that nobody expected.
        what: what was being done, such as "Opening image.nii…".
    """
    log.error("Unexpected on the page", exc_info=error)
    if not what:
        return WENT_WRONG
    did = what.removesuffix("…")
    return (
        f"{did} failed unexpectedly; what was drawn is kept. The terminal of the program says why."
    )


def tell(workflow: "Workflow", command: Callable[..., object], *arguments: Any) -> None:
    """Give a command; what goes wrong becomes a message on the page.

    Args:
        workflow: that shows the message.
        command: to be called.
        arguments: of the command.
    """
    try:
        command(*arguments)
    except SlicePropagationError as error:
        workflow.say(str(error), is_error=True)
        workflow.refresh()
    except Exception as error:
        workflow.say(unexpected(error), is_error=True)
