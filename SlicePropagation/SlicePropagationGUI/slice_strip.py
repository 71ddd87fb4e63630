"""`SliceStrip`: one cell a slice, drawn into a pixmap.

What every cell is, how far it can be trusted, which one is shown.
"""

import numpy as np
import qt
from SlicePropagationMRML.presenting.controls import barOf
from SlicePropagationMRML.presenting.review import Kind

HEIGHT = 56
MARKER = 8  # pixels above the cells, for the mark of the current slice
BASELINE = 3  # height of a slice that nothing is known about
# When several slices share a pixel, the one that a person should see wins: anchors, then what is
# out of date, then the least trusted.
RANK = {
    Kind.UNKNOWN: 0,
    Kind.PROPAGATED: 1,
    Kind.HINT: 2,
    Kind.STALE: 3,
    Kind.CONFIRMED: 4,
    Kind.SEED: 5,
    Kind.CORRECTION: 6,
}


def columnsOf(review, width):
    """Which slice each pixel column shows.

    Args:
        review: a SliceReview of N slices.
        width: in pixels, > 0.

    Returns:
        (width,) slice indices; where slices share a column, the most telling one.
    """
    count = len(review)
    if count <= width:
        return np.arange(width) * count // width
    trust = np.nan_to_num(review.confidence, nan=1.0)
    ranks = np.array([RANK[Kind(number)] for number in range(len(Kind))])
    rank = ranks[review.kinds] + (1.0 - trust)
    starts = np.arange(width + 1) * count // width
    spans = zip(starts[:-1], starts[1:], strict=True)
    return np.array([start + int(rank[start:end].argmax()) for start, end in spans])


class SliceStrip(qt.QLabel):
    """Shows a `SliceReview`; hover tells about a slice, a click or drag goes to it.

    Args:
        describe: `describe(index)` returns the text for the tooltip of a slice.
        jump: called with the index of the slice that was clicked.
    """

    def __init__(self, describe, jump):
        qt.QLabel.__init__(self)
        self._describe = describe
        self._jump = jump
        self._review = None
        self._columns = np.zeros(0, int)
        self._current = None
        self._bars = None
        self.setObjectName("sliceStrip")
        self.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        self.setFixedHeight(HEIGHT)
        self.setMouseTracking(True)
        self.setCursor(qt.QCursor(qt.Qt.PointingHandCursor))

    # What it shows

    def setReview(self, review):
        """Show other slices; None for none."""
        self._review = review
        self._bars = None
        self._draw()

    def setCurrent(self, index):
        """Mark the slice that the views show; None for none."""
        if index != self._current:
            self._current = index
            self._draw()

    def indexAt(self, x):
        """The slice under a horizontal position in pixels, or None.

        Each slice can be reached, also where several share a pixel.
        """
        if self._review is None or not len(self._review):
            return None
        if len(self._review) > len(self._columns) and 0 <= x < len(self._columns):
            return int(self._columns[int(x)])
        index = int(x * len(self._review) // max(self.width, 1))
        return min(max(index, 0), len(self._review) - 1)

    # What a person does; PythonQt calls these virtual methods

    def mousePressEvent(self, event):
        index = self.indexAt(event.pos().x())
        if index is not None:
            self._jump(index)

    def mouseMoveEvent(self, event):
        index = self.indexAt(event.pos().x())
        self.toolTip = "" if index is None else self._describe(index)
        qt.QToolTip.showText(event.globalPos(), self.toolTip, self)
        if index is not None and event.buttons() & qt.Qt.LeftButton:
            self._jump(index)

    def resizeEvent(self, event):
        self._bars = None
        self._draw()

    # Drawing

    def _draw(self):
        width = max(self.width, 1)
        if self._bars is None:
            self._bars = self._drawBars(width)
        picture = self._bars.copy()
        self._drawCurrent(picture, width)
        self.setPixmap(picture)

    def _drawBars(self, width):
        picture = qt.QPixmap(width, HEIGHT)
        picture.fill(self.palette.color(qt.QPalette.Base))
        self._columns = np.zeros(0, int)
        if self._review is None or not len(self._review):
            return picture
        self._columns = columnsOf(self._review, width)
        starts = np.flatnonzero(np.diff(self._columns, prepend=-1))
        ends = np.append(starts[1:], width)
        ground = self.palette.color(qt.QPalette.Base)
        painter = qt.QPainter()
        painter.begin(picture)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            self._drawBar(painter, ground, int(self._columns[start]), start, end - start)
        painter.end()
        return picture

    def _drawBar(self, painter, ground, index, left, width):
        color, share, isStriped = barOf(
            Kind(int(self._review.kinds[index])),
            float(self._review.confidence[index]),
        )
        room = HEIGHT - MARKER
        height = max(round(share * room), BASELINE)
        shown = width - 1 if width > 3 else width  # a gap, where there is room for one
        painter.fillRect(left, HEIGHT - height, shown, height, qt.QColor(color))
        if self._review.isEmpty[index] and height > BASELINE:
            frame = 1 if shown > 4 else 0  # hollow: the structure is not on this slice
            painter.fillRect(
                left + frame,
                HEIGHT - height + 2,
                shown - 2 * frame,
                height - 2 - BASELINE,
                ground,
            )
        elif isStriped:
            for top in range(HEIGHT - height + 2, HEIGHT, 6):
                painter.fillRect(left, top, shown, 3, ground)

    def _drawCurrent(self, picture, width):
        count = len(self._review) if self._review is not None else 0
        if self._current is None or not 0 <= self._current < count:
            return
        left = self._current * width // count
        right = max((self._current + 1) * width // count, left + 2)
        middle = (left + right) // 2
        color = self.palette.color(qt.QPalette.WindowText)
        painter = qt.QPainter()
        painter.begin(picture)
        for row in range(MARKER - 2):  # a triangle that points down at the cell
            half = MARKER - 3 - row
            painter.fillRect(middle - half, row, 2 * half + 1, 1, color)
        painter.fillRect(left, MARKER - 1, 1, HEIGHT, color)
        painter.fillRect(right - 1, MARKER - 1, 1, HEIGHT, color)
        painter.end()
