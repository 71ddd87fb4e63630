"""`StatusLine`: the sentence below the button, with a sign and a colour of its own for errors."""

import qt

ICON = 16  # pixels
LINES = 2  # kept free, so that what lies below does not jump with each sentence
ERRORS = {False: "#b3261e", True: "#ff9a76"}  # on light and on dark ground; contrast above 5:1


class StatusLine:
    """Shows one sentence.

    Args:
        ui: the widgets of the panel by name.
    """

    def __init__(self, ui):
        self._icon = ui.statusIconLabel
        self._label = ui.statusLabel
        self._label.setMinimumHeight(LINES * self._label.fontMetrics().lineSpacing())
        style = self._label.style()
        sign = style.standardIcon(qt.QStyle.SP_MessageBoxWarning)
        self._icon.setPixmap(sign.pixmap(ICON, ICON))
        self._icon.visible = False
        self._isError = False

    @property
    def text(self):
        """What stands there."""
        return self._label.text

    def say(self, text, isError=False):
        """Show a sentence.

        Args:
            text: the sentence.
            isError: whether something went wrong.
        """
        self._label.text = text
        if isError != self._isError:  # a run says something with each slice
            self._isError = isError
            self.color()

    def color(self):
        """Take the colour of what is said in the theme as it is now."""
        self._icon.visible = self._isError
        palette = self._icon.palette  # the label's own may still be that of an error
        if self._isError:
            isDark = palette.color(qt.QPalette.Window).lightness() < 128
            palette.setColor(qt.QPalette.WindowText, qt.QColor(ERRORS[isDark]))
        self._label.setPalette(palette)
