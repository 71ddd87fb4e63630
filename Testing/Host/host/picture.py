"""Pictures of a widget, at a width, in light or dark."""

from pathlib import Path

from PySide6 import QtGui, QtWidgets

from host import person, pqt

DARK = {
    QtGui.QPalette.Window: "#353535",
    QtGui.QPalette.WindowText: "#f0f0f0",
    QtGui.QPalette.Base: "#232323",
    QtGui.QPalette.AlternateBase: "#2d2d2d",
    QtGui.QPalette.ToolTipBase: "#353535",
    QtGui.QPalette.ToolTipText: "#f0f0f0",
    QtGui.QPalette.Text: "#f0f0f0",
    QtGui.QPalette.Button: "#454545",
    QtGui.QPalette.ButtonText: "#f0f0f0",
    QtGui.QPalette.Highlight: "#2a82da",
    QtGui.QPalette.HighlightedText: "#ffffff",
    QtGui.QPalette.Link: "#5aa9f0",
    QtGui.QPalette.Mid: "#5a5a5a",
    QtGui.QPalette.Dark: "#202020",
    QtGui.QPalette.Light: "#606060",
    QtGui.QPalette.PlaceholderText: "#a0a0a0",
}
LIGHT = {
    QtGui.QPalette.Window: "#efefef",
    QtGui.QPalette.WindowText: "#000000",
    QtGui.QPalette.Base: "#ffffff",
    QtGui.QPalette.AlternateBase: "#f5f5f5",
    QtGui.QPalette.ToolTipBase: "#ffffdc",
    QtGui.QPalette.ToolTipText: "#000000",
    QtGui.QPalette.Text: "#000000",
    QtGui.QPalette.Button: "#efefef",
    QtGui.QPalette.ButtonText: "#000000",
    QtGui.QPalette.Highlight: "#308cc6",
    QtGui.QPalette.HighlightedText: "#ffffff",
    QtGui.QPalette.Link: "#0057ae",
    QtGui.QPalette.Mid: "#b8b8b8",
    QtGui.QPalette.Dark: "#9f9f9f",
    QtGui.QPalette.Light: "#ffffff",
    QtGui.QPalette.PlaceholderText: "#808080",
}
DISABLED_TEXT = {"light": "#a0a0a0", "dark": "#808080"}


def use_palette(name):
    """Show everything in the "light" or the "dark" palette.

    In Qt's own Fusion style as Slicer does on Linux.
    """
    colors = {"light": LIGHT, "dark": DARK}[name]
    palette = QtGui.QPalette()
    for role, color in colors.items():
        palette.setColor(role, QtGui.QColor(color))
    for role in (QtGui.QPalette.WindowText, QtGui.QPalette.Text, QtGui.QPalette.ButtonText):
        palette.setColor(QtGui.QPalette.Disabled, role, QtGui.QColor(DISABLED_TEXT[name]))
    QtWidgets.QApplication.setStyle("Fusion")
    QtWidgets.QApplication.setPalette(palette)


def height_for(widget, width):
    """The height in which nothing of the widget is cut off at that width."""
    if widget.layout() is not None and widget.layout().hasHeightForWidth():
        return max(
            widget.layout().totalHeightForWidth(width),
            widget.layout().totalMinimumSize().height(),
        )
    return pqt._get(widget, "sizeHint")().height()


def take(widget, path, width, height=None, palette="light"):
    """Write a PNG of a widget.

    Args:
        width, height: pixels; the height is what the contents need when none is given.
        palette: "light" or "dark".

    Returns:
        The size in pixels, (width, height). It is wider than asked for when the contents do not
        fit.
    """
    use_palette(palette)
    top = widget.window()
    top.show()
    person.turns()
    for _ in range(4):  # a new width wraps labels anew, and only then is the height known
        wide = max(width, pqt._get(widget, "minimumSizeHint")().width())
        tall = height or height_for(widget, wide)
        if top is widget:
            widget.resize(wide, tall)
        else:
            room = (
                widget.parentWidget() if _is_scrolled(widget) else widget
            )  # a scrolled widget does not shrink with its window
            top.resize(wide + top.width - room.width, tall + top.height - room.height)
        person.turns()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = widget.grab()
    image.save(str(path))
    return image.width(), image.height()


def _is_scrolled(widget):
    return widget.parentWidget() is not None and isinstance(
        widget.parentWidget().parentWidget(),
        QtWidgets.QScrollArea,
    )
