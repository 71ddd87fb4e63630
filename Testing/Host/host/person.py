"""What a person's hands do.

Strokes in the Segment Editor, clicks, keys, and waiting until the application is idle.
"""

import time

import numpy as np
import slicer
import slicer.util
import vtk.util.numpy_support
from PySide6 import QtCore, QtGui
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from host import pqt


def stroke(editor, voxels):
    """Paint, draw or erase these voxels with the editor's active effect.

    One undo step, through the editor's masking, as a stroke in a slice view.

    Args:
        editor: the qMRMLSegmentEditorWidget.
        voxels: (K, J, I) bool on the source volume's grid.

    Raises:
        RuntimeError: no effect that draws is active, or no segment is selected; a person could not
            draw either.
    """
    effect = editor.activeEffect()
    name = effect.name if effect is not None else "no effect"
    if name not in ("Paint", "Draw", "Erase") or not editor.currentSegmentID():
        raise RuntimeError(
            f"Nothing can be drawn: {name} is active, the segment selected is"
            f" {editor.currentSegmentID()!r}."
        )
    volume = editor.sourceVolumeNode()
    segmentation = editor.segmentationNode()
    effect.saveStateForUndo()
    mode = effect.ModificationModeRemove if name == "Erase" else effect.ModificationModeAdd
    effect.modifySelectedSegmentByLabelmap(
        labelmap_of(voxels, volume, segmentation),
        mode,
        extent_of(voxels),
    )


def labelmap_of(voxels, volume, segmentation):
    """A vtkOrientedImageData of the voxels on the volume's grid, where the segmentation sees it."""
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*reversed(voxels.shape))
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())[:] = voxels.ravel()
    if volume.GetParentTransformNode() is not segmentation.GetParentTransformNode():
        transform = vtk.vtkGeneralTransform()
        slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
            volume.GetParentTransformNode(),
            segmentation.GetParentTransformNode(),
            transform,
        )
        slicer.vtkOrientedImageDataResample.TransformOrientedImage(image, transform)
    return image


def extent_of(voxels):
    """First and last index of the voxels along I, J and K."""
    where = [np.flatnonzero(voxels.any(axis=tuple({0, 1, 2} - {axis}))) for axis in (2, 1, 0)]
    return [int(end) for indices in where for end in (indices[0], indices[-1])]


def mask_of(segmentation, segment_id, volume):
    """(K, J, I) bool of a segment on the volume's grid."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume) > 0


def draw_slice(editor, axis, index, mask):
    """Make a slice of the selected segment look like the mask: erase what is too much, paint what is missing.

    Args:
        axis: array axis of the volume, 0 for K.
        mask: 2D bool.
    """
    now = mask_of(editor.segmentationNode(), editor.currentSegmentID(), editor.sourceVolumeNode())
    wanted = now.copy()
    np.moveaxis(wanted, axis, 0)[index] = mask
    for name, voxels in (("Erase", now & ~wanted), ("Paint", wanted & ~now)):
        if voxels.any():
            editor.setActiveEffectByName(name)
            stroke(editor, voxels)


def click(widget, x=None, y=None):
    """Press and release the left mouse button on a widget that can be seen and used.

    Args:
        x, y: pixels in the widget; its middle by default.

    Raises:
        RuntimeError: the widget is hidden or disabled; a person could not click it.
    """
    if not widget.isVisible() or not widget.isEnabled():
        raise RuntimeError(
            f"{pqt.class_name_of(widget)} {widget.name!r} is"
            f" {'disabled' if widget.isVisible() else 'hidden'}; nobody can click it."
        )
    place = QtCore.QPoint(
        widget.width // 2 if x is None else x,
        widget.height // 2 if y is None else y,
    )
    QTest.mouseClick(widget, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, place)
    QApplication.processEvents()


def press_key(widget, key):
    """Press a key or a combination, "Ctrl+Shift+P" for example, while the widget has the focus."""
    QTest.keySequence(widget, key)
    QApplication.processEvents()


def wait_until(condition, seconds=120.0):
    """Let the application work until the condition holds.

    Raises:
        TimeoutError: it does not hold within that time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"After {seconds:g} s the condition still does not hold.")
        QApplication.processEvents()
        time.sleep(0.002)


def turns(count=5):
    """A few turns of the event loop."""
    for _ in range(count):
        QApplication.processEvents()


def hover(widget, x, y):
    """Move the mouse over a widget without a button.

    The event goes to the widget itself: a window that another test left there would get the
    cursor's.
    """
    place = QtCore.QPointF(x, y)
    event = QtGui.QMouseEvent(
        QtCore.QEvent.MouseMove,
        place,
        widget.mapToGlobal(place),
        QtCore.Qt.NoButton,
        QtCore.Qt.NoButton,
        QtCore.Qt.NoModifier,
    )
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()
