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
        self._icon.visible = isError
        window = self._icon.palette  # the label's own may still be that of an error
        color = window.color(qt.QPalette.WindowText)
        if isError:
            isDark = window.color(qt.QPalette.Window).lightness() < 128
            color = qt.QColor(ERRORS[isDark])
        palette = self._label.palette
        palette.setColor(qt.QPalette.WindowText, color)
        self._label.setPalette(palette)
