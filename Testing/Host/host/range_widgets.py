"""Ranges with two handles: ctkDoubleRangeSlider and ctkRangeWidget."""

from PySide6 import QtCore, QtGui, QtWidgets

from host.classes import behaviour, stored

HANDLE = 14  # pixels across a handle


def row(widget, *parts):
    """Lay parts out side by side, without margins."""
    layout = QtWidgets.QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)


class TwoHandleSlider(QtWidgets.QWidget):
    """The drawing and dragging that ctkDoubleRangeSlider and ctkRangeWidget share.

    Values in [0, 1].
    """

    moved = QtCore.Signal(float, float)
    pressed = QtCore.Signal()
    released = QtCore.Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._low = 0.0
        self._high = 1.0
        self._dragged = None
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)

    def show_values(self, low, high):
        self._low = low
        self._high = high
        self.update()

    def position_of(self, value):
        """Pixels from the left at which a handle's middle is drawn."""
        return HANDLE / 2 + value * max(1, self.width - HANDLE)

    def sizeHint(self):
        return QtCore.QSize(120, 22)

    def minimumSizeHint(self):
        return QtCore.QSize(60, 22)

    def paintEvent(self, event):
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.Antialiasing)
        colors = self.palette
        middle = self.height / 2
        group = QtGui.QPalette.Active if self.isEnabled() else QtGui.QPalette.Disabled
        painter.setPen(QtCore.Qt.NoPen)
        painter.setBrush(colors.color(group, QtGui.QPalette.Mid))
        painter.drawRoundedRect(QtCore.QRectF(HANDLE / 2, middle - 2, self.width - HANDLE, 4), 2, 2)
        painter.setBrush(colors.color(group, QtGui.QPalette.Highlight))
        low = self.position_of(self._low)
        high = self.position_of(self._high)
        painter.drawRect(QtCore.QRectF(low, middle - 2, high - low, 4))
        painter.setPen(colors.color(group, QtGui.QPalette.Dark))
        painter.setBrush(colors.color(group, QtGui.QPalette.Button))
        for position in (low, high):
            painter.drawEllipse(QtCore.QPointF(position, middle), HANDLE / 2 - 1, HANDLE / 2 - 1)
        painter.end()

    def mousePressEvent(self, event):
        x = event.position().x()
        distances = [abs(x - self.position_of(value)) for value in (self._low, self._high)]
        self._dragged = (
            0
            if distances[0] < distances[1]
            or (distances[0] == distances[1] and x < self.position_of(self._low))
            else 1
        )
        self.pressed.emit()
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event):
        if self._dragged is None:
            return
        value = min(
            1.0,
            max(0.0, (event.position().x() - HANDLE / 2) / max(1, self.width - HANDLE)),
        )
        low, high = (
            (min(value, self._high), self._high)
            if self._dragged == 0
            else (self._low, max(value, self._low))
        )
        self.moved.emit(low, high)

    def mouseReleaseEvent(self, event):
        self._dragged = None
        self.released.emit()


class Range:
    """Values and limits of a range; `_show_range` brings the widget up to date."""

    def _start(self, maximum):
        stored(self).update(
            minimum=0.0,
            maximum=maximum,
            minimumValue=0.0,
            maximumValue=maximum,
            singleStep=1.0,
            decimals=2,
            tracking=True,
        )
        self._slider = TwoHandleSlider()
        self._slider.moved.connect(self._move)

    def _move(self, low, high):
        state = stored(self)
        span = state["maximum"] - state["minimum"]
        self.setValues(*(self._snapped(state["minimum"] + part * span) for part in (low, high)))

    def _snapped(self, value):
        step = stored(self)["singleStep"]
        origin = stored(self)["minimum"]
        return origin + round((value - origin) / step) * step if step else value

    def _put(self, low, high):
        """Keep the values inside the limits and in order; tell what changed."""
        state = stored(self)
        low = min(max(low, state["minimum"]), state["maximum"])
        high = max(low, min(max(high, state["minimum"]), state["maximum"]))
        before = state["minimumValue"], state["maximumValue"]
        state.update(minimumValue=low, maximumValue=high)
        self._show_range()
        if low != before[0]:
            self.minimumValueChanged.emit(low)
        if high != before[1]:
            self.maximumValueChanged.emit(high)
        if (low, high) != before:
            self.valuesChanged.emit(low, high)

    def _limit(self, low, high):
        state = stored(self)
        if (low, high) != (state["minimum"], state["maximum"]):
            state.update(minimum=low, maximum=max(low, high))
            self._put(state["minimumValue"], state["maximumValue"])
            self.rangeChanged.emit(low, max(low, high))

    def _show_range(self):
        state = stored(self)
        span = (state["maximum"] - state["minimum"]) or 1.0
        self._slider.show_values(
            *((state[key] - state["minimum"]) / span for key in ("minimumValue", "maximumValue"))
        )

    def setValues(self, low, high):
        self._put(float(min(low, high)), float(max(low, high)))

    def setRange(self, low, high):
        self._limit(float(low), float(high))

    def setMinimumValue(self, value):
        self._put(float(value), max(float(value), stored(self)["maximumValue"]))

    def setMaximumValue(self, value):
        self._put(min(float(value), stored(self)["minimumValue"]), float(value))

    minimum = QtCore.Property(
        float,
        lambda self: stored(self)["minimum"],
        lambda self, value: self._limit(value, max(value, stored(self)["maximum"])),
    )
    maximum = QtCore.Property(
        float,
        lambda self: stored(self)["maximum"],
        lambda self, value: self._limit(min(value, stored(self)["minimum"]), value),
    )
    minimumValue = QtCore.Property(
        float,
        lambda self: stored(self)["minimumValue"],
        lambda self, value: self.setMinimumValue(value),
    )
    maximumValue = QtCore.Property(
        float,
        lambda self: stored(self)["maximumValue"],
        lambda self, value: self.setMaximumValue(value),
    )


@behaviour("ctkDoubleRangeSlider")
class DoubleRangeSlider(Range):
    """Two handles on one groove."""

    def __init__(self, *arguments):
        QtWidgets.QWidget.__init__(
            self,
            *[part for part in arguments if isinstance(part, QtWidgets.QWidget)],
        )
        self._start(99.0)
        row(self, self._slider)
        self._slider.pressed.connect(self.sliderPressed)
        self._slider.released.connect(self.sliderReleased)


@behaviour("ctkRangeWidget")
class RangeWidget(Range):
    """Two handles with a number at each end."""

    def __init__(self, parent=None):
        QtWidgets.QWidget.__init__(self, parent)
        self._start(99.0)
        self._boxes = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        row(self, self._boxes[0], self._slider, self._boxes[1])
        self._boxes[0].valueChanged.connect(lambda value: self.setMinimumValue(value))
        self._boxes[1].valueChanged.connect(lambda value: self.setMaximumValue(value))
        self._show_range()

    def _show_range(self):
        Range._show_range(self)
        state = stored(self)
        for box, key in zip(self._boxes, ("minimumValue", "maximumValue"), strict=True):
            box.blockSignals(True)
            box.setDecimals(state["decimals"])
            box.setSingleStep(state["singleStep"])
            box.setRange(state["minimum"], state["maximum"])
            box.setPrefix(state.get("prefix", ""))
            box.setSuffix(state.get("suffix", ""))
            box.setValue(state[key])
            box.blockSignals(False)

    def setDecimals(self, count):
        self.decimals = count

    _decimals_changed = _singleStep_changed = _prefix_changed = _suffix_changed = _show_range
