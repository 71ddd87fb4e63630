"""What the ctk widgets of a panel do: fold away, pair a slider with a number, name a path."""

from PySide6 import QtCore, QtGui, QtWidgets

from host import pqt
from host.classes import behaviour, stored
from host.range_widgets import row

HEADER = 22  # pixels of a collapsible button's own row


@behaviour("ctkCollapsibleButton", collapsedHeight=10)
class CollapsibleButton:
    """A titled section; its contents hide when it is collapsed."""

    def __init__(self, *arguments):
        parents = [argument for argument in arguments if isinstance(argument, QtWidgets.QWidget)]
        QtWidgets.QAbstractButton.__init__(self, *parents)
        self._hidden = set()  # children that are hidden also when it is unfolded
        self._is_forcing = False
        self.setCheckable(True)
        self.setChecked(True)
        self.setContentsMargins(0, HEADER, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)
        self.setText("".join(argument for argument in arguments if isinstance(argument, str)))
        self.toggled.connect(self._toggle)

    def _toggle(self, is_open):
        self._is_forcing = True
        for child in pqt._get(self, "children")():
            if child.isWidgetType():
                child.setVisible(is_open and child not in self._hidden)
        self._is_forcing = False
        self.updateGeometry()
        self.contentsCollapsed.emit(not is_open)

    def _set_collapsed(self, is_collapsed):
        self.setChecked(not is_collapsed)

    collapsed = QtCore.Property(bool, lambda self: not self.isChecked(), _set_collapsed)

    def childEvent(self, event):
        """A child that is added to a folded section hides too."""
        if event.added() and event.child().isWidgetType():
            event.child().installEventFilter(self)
            if not self.isChecked():
                self._hide(event.child())

    def eventFilter(self, child, event):
        """A child that is shown or hidden in a folded section shows or stays hidden once unfolded."""
        kind = event.type()
        if self._is_forcing or kind not in (
            QtCore.QEvent.ShowToParent,
            QtCore.QEvent.HideToParent,
        ):
            return False
        self._hidden.discard(child)
        if kind == QtCore.QEvent.HideToParent:
            self._hidden.add(child)
        elif not self.isChecked():
            self._hide(child)
        return False

    def _hide(self, child):
        self._is_forcing = True
        child.setVisible(False)
        self._is_forcing = False

    def paintEvent(self, event):
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER)
        painter.drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option)
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(6, HEADER // 2 - 5, 10, 10)
        painter.drawPrimitive(
            (
                QtWidgets.QStyle.PE_IndicatorArrowDown
                if self.isChecked()
                else QtWidgets.QStyle.PE_IndicatorArrowRight
            ),
            arrow,
        )
        box = QtCore.QRect(22, 0, self.width - 24, HEADER)
        text = pqt._get(self, "fontMetrics")().elidedText(
            self.text,
            QtCore.Qt.ElideRight,
            box.width(),
        )
        self.style().drawItemText(
            painter,
            box,
            int(QtCore.Qt.AlignVCenter | QtCore.Qt.AlignLeft),
            self.palette,
            self.isEnabled(),
            text,
            QtGui.QPalette.ButtonText,
        )

    def hitButton(self, position):
        return position.y() <= HEADER

    def hasHeightForWidth(self):
        return bool(self.layout() and self.isChecked() and self.layout().hasHeightForWidth())

    def sizeHint(self):
        own = (
            self.layout().sizeHint()
            if self.layout() and self.isChecked()
            else QtCore.QSize(0, HEADER)
        )
        title = pqt._get(self, "fontMetrics")().horizontalAdvance(self.text) + 40
        return QtCore.QSize(max(title, own.width()), max(HEADER, own.height()))

    def minimumSizeHint(self):
        return (
            self.layout().minimumSize()
            if self.layout() and self.isChecked()
            else QtCore.QSize(60, HEADER)
        )


@behaviour("ctkCollapsibleGroupBox")
class CollapsibleGroupBox:
    """A group box whose tick shows or hides what is in it."""

    def __init__(self, *arguments):
        QtWidgets.QGroupBox.__init__(self, *arguments)
        self.setCheckable(True)
        self.toggled.connect(self._toggle)

    def _toggle(self, is_open):
        for child in pqt._get(self, "children")():
            if child.isWidgetType():
                child.setVisible(is_open)

    def _set_collapsed(self, is_collapsed):
        self.setChecked(not is_collapsed)

    collapsed = QtCore.Property(bool, lambda self: not self.isChecked(), _set_collapsed)


@behaviour(
    "ctkSliderWidget",
    decimals=2,
    singleStep=1.0,
    spinBoxVisible=True,
)
class SliderWidget:
    """A slider and a number that show the same value."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._box = QtWidgets.QDoubleSpinBox()
        self._box.setRange(0.0, 99.0)
        row(self, self._slider, self._box)
        self._slider.valueChanged.connect(
            lambda tick: self._box.setValue(self._box.minimum + tick * self._box.singleStep)
        )
        self._box.valueChanged.connect(self._show)
        self._spread()

    def _spread(self):
        self._slider.blockSignals(True)
        self._slider.setRange(
            0,
            round((self._box.maximum - self._box.minimum) / (self._box.singleStep or 1.0)),
        )
        self._slider.setValue(
            round((self._box.value - self._box.minimum) / (self._box.singleStep or 1.0))
        )
        self._slider.blockSignals(False)

    def _show(self, value):
        self._spread()
        self.valueChanged.emit(value)

    def _singleStep_changed(self):
        self._box.setSingleStep(stored(self)["singleStep"])
        self._spread()

    def _decimals_changed(self):
        self._box.setDecimals(stored(self)["decimals"])

    def _suffix_changed(self):
        self._box.setSuffix(stored(self)["suffix"])

    def _spinBoxVisible_changed(self):
        self._box.setVisible(stored(self)["spinBoxVisible"])

    def _set_minimum(self, value):
        self._box.setMinimum(value)
        self._spread()

    def _set_maximum(self, value):
        self._box.setMaximum(value)
        self._spread()

    def setValue(self, value):
        self._box.setValue(float(value))

    minimum = QtCore.Property(float, lambda self: self._box.minimum, _set_minimum)
    maximum = QtCore.Property(float, lambda self: self._box.maximum, _set_maximum)
    value = QtCore.Property(float, lambda self: self._box.value, setValue)


@behaviour("ctkCheckablePushButton")
class CheckablePushButton:
    """A push button with a tick box of its own."""

    def _set_check_state(self, state):
        stored(self)["checkState"] = state
        self.setChecked(state == QtCore.Qt.Checked)
        self.checkBoxToggled.emit(self.isChecked())

    checkState = QtCore.Property(
        "QVariant",
        lambda self: stored(self).get("checkState", QtCore.Qt.Unchecked),
        _set_check_state,
    )


@behaviour("ctkPathLineEdit")
class PathLineEdit:
    """A path in a combo box with a button to browse."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._box = QtWidgets.QComboBox()
        self._box.setEditable(True)
        browse = QtWidgets.QToolButton()
        browse.setText("…")
        row(self, self._box, browse)
        self._box.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
        self._box.currentTextChanged.connect(self.currentPathChanged)

    def setCurrentPath(self, path):
        self._box.setCurrentText(str(path))

    currentPath = QtCore.Property(str, lambda self: self._box.currentText, setCurrentPath)
