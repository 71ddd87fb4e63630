"""Whether VTK can draw here: a bare server may lack the libraries that draw without a screen."""

import ctypes
import sys

import vtkmodules.vtkRenderingOpenGL2  # noqa: F401    what a render window is made of
from vtkmodules.vtkCommonCore import vtkLogger
from vtkmodules.vtkRenderingCore import vtkRenderWindow

from SlicePropagationLib.errors import ConfigError

OSMESA = ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")


def check_display() -> None:
    """Refuse to serve pictures that would stay black.

    Raises:
        ConfigError: neither a display, nor EGL, nor OSMesa is there.
    """
    if not sys.platform.startswith("linux"):
        return
    if _render_window_class() == "vtkOSOpenGLRenderWindow" and not any(map(_loads, OSMESA)):
        raise ConfigError(
            "The page cannot draw here: neither a display nor the library EGL is installed. Install"
            " EGL (on Debian and Ubuntu: apt-get install libegl1) and start again, or open the"
            " files in 3D Slicer."
        )


def _render_window_class() -> str:
    """What VTK draws with here; that it warns of each library that it tries is not shown."""
    verbosity = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    window = vtkRenderWindow()
    vtkLogger.SetStderrVerbosity(verbosity)
    return window.GetClassName()


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
