"""A scripted person at the panel.

Real clicks and key presses, strokes through the editor, eyes on labels and tooltips.
"""

import time

import numpy as np
import slicer
from host import person
from mrml_scene import makeVolume
from SlicePropagationMRML.nodes.geometry import segmentMask

MODULE = "SlicePropagation"


class Annotator:
    """Sits in front of the module.

    Args:
        widget: the module's Python widget.
    """

    def __init__(self, widget):
        self.widget = widget
        self.window = slicer.util.mainWindow()

    @property
    def panel(self):
        return self.widget.panel

    @property
    def ui(self):
        return self.panel.ui

    @property
    def logic(self):
        return self.widget.logic.propagation

    @property
    def strip(self):
        return self.panel.review.strip

    @property
    def status(self):
        return self.ui.statusLabel.text

    # Nodes

    def load(self, stack, axis=0, **geometry):
        """Load the volume whose slices along an array axis are the stack's."""
        self.axis = axis
        array = np.moveaxis(stack.images, 0, axis)
        volume = makeVolume(slicer.mrmlScene, array, **{"spacing": (1.0, 1.5, 3.0), **geometry})
        self.ui.volumeSelector.setCurrentNode(volume)
        person.turns()
        return volume

    def add_segment(self):
        """Press the editor's Add button.

        Makes a segmentation first where there is none. Returns the segment's ID.
        """
        if self.ui.segmentationSelector.currentNode() is None:
            self.ui.segmentationSelector.addNode()
            person.turns()
        person.click(self.ui.editor._add)
        return self.ui.editor.currentSegmentID()

    @property
    def volume(self):
        return self.ui.volumeSelector.currentNode()

    @property
    def segmentation(self):
        return self.ui.segmentationSelector.currentNode()

    def mask(self, segment_id=None):
        """(N, H, W) bool of a segment, slice axis first."""
        voxels = segmentMask(
            self.segmentation,
            segment_id or self.ui.editor.currentSegmentID(),
            self.volume,
        )
        return np.moveaxis(voxels, self.axis, 0)

    # Hands

    def draw(self, index, mask, axis=None):
        """Make a slice of the selected segment look like the mask.

        And wait until the panel has seen it.
        """
        person.draw_slice(self.ui.editor, self.axis if axis is None else axis, index, mask)
        self.wait_for_panel()

    def choose(self, combo, text):
        """Choose an entry with the keyboard, as a person who tabbed there."""
        self.reach(combo)
        combo.setFocus()
        person.press_key(combo, "Home")
        for _ in range(combo.count):
            if combo.currentText == text:
                person.turns()
                return
            person.press_key(combo, "Down")
        raise LookupError(f"There is no '{text}' to choose.")

    def check(self, box, is_on):
        """Click a check box unless it is as wanted."""
        self.reach(box)
        if box.checked != is_on:
            person.click(box, 8)

    def reach(self, widget):
        """Unfold the options where a widget is among them."""
        if not widget.isVisible():
            person.click(self.ui.optionsCollapsibleButton, 20, 8)

    def key(self, key):
        """Press a key in the main window, which has to be the active one, as on a desktop."""
        if not self.window.isActiveWindow:
            self.window.activateWindow()
            person.wait_until(lambda: self.window.isActiveWindow, 5)
        person.press_key(self.window, key)

    def propagate(self):
        """Press the button and wait for the end."""
        person.click(self.ui.propagateButton)
        self.wait_for_end()

    def stop_after(self, slices):
        """Press the button, wait for some slices, press it again; returns how many were done."""
        steps = []

        def listen(event):
            if type(event).__name__ == "Stepped":  # the class is another one after a reload
                steps.append(event)

        self.logic.events.connect(listen)
        person.click(self.ui.propagateButton)
        person.wait_until(lambda: len(steps) >= slices)
        person.click(self.ui.propagateButton)
        self.wait_for_end()
        self.logic.events.disconnect(listen)
        return len(steps)

    def wait_for_end(self):
        person.wait_until(lambda: not self.logic.isRunning)
        person.turns()

    def wait_for_panel(self):
        """Let the observer's pause pass."""
        end = time.monotonic() + 0.3
        person.wait_until(lambda: time.monotonic() > end)

    def undo(self):
        person.click(self.ui.editor._undo)
        self.wait_for_panel()

    def redo(self):
        person.click(self.ui.editor._redo)
        self.wait_for_panel()

    def click_slice(self, index):
        """Click a cell of the strip."""
        person.click(
            self.strip,
            int((index + 0.5) * self.strip.width / len(self.panel.review.review)),
            40,
        )

    # Eyes

    def kinds(self):
        """Names of what the strip shows, one a slice."""
        from SlicePropagationMRML.presenting.review import Kind

        return [Kind(int(kind)).name.lower() for kind in self.panel.review.review.kinds]

    def confidences(self):
        return np.nan_to_num(self.panel.review.review.confidence, nan=-1.0).round(4).tolist()
