"""PyTorch through Slicer's PyTorch extension: only when a person asks for it, never at start-up."""

import importlib

import slicer
from slicer.i18n import tr as _

from SlicePropagationLib.errors import SlicePropagationError


def installTorch():
    """Ask, then install PyTorch.

    Returns:
        Whether it is there now; False when the person declined.

    Raises:
        SlicePropagationError: the PyTorch extension is not installed, or its installation failed.
    """
    try:
        import PyTorchUtils
    except ImportError:
        raise SlicePropagationError(_("PyTorch comes through the extension 'PyTorch': install it in the Extensions Manager, restart Slicer and press the button again. Until then, image registration works without it.")) from None
    if not slicer.util.confirmOkCancelDisplay(_("The trained network needs PyTorch, which will be downloaded (up to 3 GB) and installed. Go on?"), _("Install PyTorch")):
        return False
    try:
        with slicer.util.WaitCursor():
            torch = PyTorchUtils.PyTorchUtilsLogic().installTorch()        # without keywords: their names changed in 2026
    except Exception as error:          # pip, the network, the disk: whatever went wrong is for the person to know, and the panel goes on
        raise SlicePropagationError(_("PyTorch could not be installed ({error}). Image registration works without it.").format(error=error)) from error
    importlib.invalidate_caches()
    if torch is None:
        raise SlicePropagationError(_("The PyTorch extension did not install PyTorch. Image registration works without it."))
    return True
