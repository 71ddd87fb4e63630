"""PyTorch through Slicer's PyTorch extension: only when a person asks for it, never at start-up."""

import slicer
from slicer.i18n import tr as _

from SlicePropagationLib.errors import SlicePropagationError


def installTorch():
    """Ask, then install PyTorch.

    Returns:
        Whether it is there now; False when the person declined.

    Raises:
        SlicePropagationError: the PyTorch extension is not installed.
    """
    try:
        import PyTorchUtils
    except ImportError:
        raise SlicePropagationError(_("PyTorch comes through the extension 'PyTorch': install it in the Extensions Manager, restart Slicer and press the button again. Until then, image registration works without it.")) from None
    if not slicer.util.confirmOkCancelDisplay(_("The trained network needs PyTorch, which will be downloaded (up to 3 GB) and installed. Go on?"), _("Install PyTorch")):
        return False
    with slicer.util.tryWithErrorDisplay(_("PyTorch could not be installed."), waitCursor=True):
        return PyTorchUtils.PyTorchUtilsLogic().installTorch() is not None
