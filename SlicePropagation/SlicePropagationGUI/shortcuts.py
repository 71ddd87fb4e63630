"""Keys of the panel, active only while the module is entered.

None of them is used by Slicer, its editor or its slice views.
"""

import qt
import slicer
from SlicePropagationMRML.presenting.controls import KEYS, STOP


class Shortcuts:
    """Switches keys on and off.

    Args:
        parent: widget whose window the keys work in, where Slicer's main window is not there.
        commands: the Commands; Esc stops during a run.
    """

    def __init__(self, parent, commands):
        self._parent = parent
        self._actions = {
            "propagate": commands.propagate,
            "next": commands.showNext,
            "confirm": commands.confirm,
            "empty": commands.markEmpty,
            "keep": commands.keep,
            "discard": commands.discard,
        }
        self._stop = commands.stop
        self._shortcuts = []
        self._escape = None

    def install(self):
        """Make the keys work."""
        if self._shortcuts:
            return
        self._shortcuts = [
            self._shortcut(KEYS[name], function) for name, function in self._actions.items()
        ]

    def setStopKey(self, isOn):
        """Let Esc stop a run; the editor's own Esc must be off meanwhile."""
        if isOn and self._escape is None:
            self._escape = self._shortcut(STOP, self._stop)
        elif self._escape is not None and not isOn:
            self._remove(self._escape)
            self._escape = None

    def uninstall(self):
        """Take the keys back."""
        self.setStopKey(False)
        for shortcut in self._shortcuts:
            self._remove(shortcut)
        self._shortcuts = []

    def _shortcut(self, key, function):
        shortcut = qt.QShortcut(qt.QKeySequence(key), slicer.util.mainWindow() or self._parent)
        shortcut.setAutoRepeat(False)
        shortcut.connect("activated()", function)
        return shortcut

    def _remove(self, shortcut):
        shortcut.disconnect("activated()")
        shortcut.setEnabled(False)
        shortcut.setParent(None)
        shortcut.deleteLater()
