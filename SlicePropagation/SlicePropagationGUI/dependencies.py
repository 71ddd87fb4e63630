"""PyTorch through Slicer's PyTorch extension: only when a person asks for it, never at start-up."""

import importlib

import slicer
from slicer.i18n import tr as _

from SlicePropagationLib.errors import SlicePropagationError


def installTorch():
    """Ask, then install PyTorch; nothing is asked or downloaded when it is there already.

    Returns:
        Whether it is there now; False when the person declined.

    Raises:
        SlicePropagationError: the PyTorch extension is not installed, PyTorch is there and broken,
            or its installation failed.
    """
    try:
        import PyTorchUtils
    except ImportError:
        raise SlicePropagationError(
            _(
                "PyTorch comes through the extension 'PyTorch': install it in the Extensions"
                " Manager, restart Slicer and press the button again. Until then, image"
                " registration works without it."
            )
        ) from None
    if not _isThere(PyTorchUtils.PyTorchUtilsLogic):
        if not slicer.util.confirmOkCancelDisplay(
            _(
                "The trained network needs PyTorch, which will be downloaded (up to 3 GB) and"
                " installed. Go on?"
            ),
            _("Install PyTorch"),
        ):
            return False
        _install(PyTorchUtils.PyTorchUtilsLogic())
    importlib.invalidate_caches()
    return True


def _isThere(logicClass):
    """Whether PyTorch is installed, in the eyes of the extension, which imports it to know."""
    try:
        return bool(logicClass.torchInstalled())
    except Exception as error:
        # files are missing, or a library cannot be loaded: another installation on top would not
        # mend it
        raise SlicePropagationError(
            _(
                "PyTorch is installed but broken ({error}). Uninstall it in the module 'PyTorch"
                " Utils', restart Slicer and press the button again. Until then, image registration"
                " works without it."
            ).format(error=error)
        ) from error


def _install(logic):
    try:
        with slicer.util.WaitCursor():
            # without arguments: their names changed in 2026, and by default it does not ask a
            # second time
            torch = logic.installTorch()
    except Exception as error:
        # pip, the network, the disk: whatever went wrong is for the person to know, and the panel
        # goes on
        raise SlicePropagationError(
            _(
                "PyTorch could not be installed ({error}). Image registration works without it."
            ).format(error=error)
        ) from error
    if torch is None:
        raise SlicePropagationError(
            _("The PyTorch extension did not install PyTorch. Image registration works without it.")
        )
