"""The section *Draw*: Slicer's own segment editor, on the Segment Editor's node.

So painting needs no change of module.
"""

import slicer
import vtk
from SlicePropagationMRML.nodes.panel_settings import sharedEditorNode
from SlicePropagationMRML.run.commit_turns import OWN_EFFECT


class DrawSection:
    """The embedded segment editor.

    Args:
        ui: the widgets of the panel by name.
        selected: called after another segment was selected.
    """

    def __init__(self, ui, selected):
        self._editor = ui.editor
        self._selected = selected
        self._isEntered = False
        self._hasKeys = False
        self._node = None
        self._tag = None
        self._editor.connect("currentSegmentIDChanged(QString)", self._segmentSelected)

    @property
    def node(self):
        """The Segment Editor's node."""
        return self._node

    def attach(self):
        """Use the Segment Editor's node, also after the scene was closed."""
        node = sharedEditorNode(slicer.mrmlScene)
        if node is not self._node:
            self._forget()
            self._node = node
            self._tag = node.AddObserver(
                vtk.vtkCommand.ModifiedEvent,
                lambda caller, event: self._segmentSelected(),
            )
        self._editor.setMRMLSegmentEditorNode(node)
        # ours is for those who stay in the Segment Editor; here it would be the panel's double
        others = [name for name in self._editor.availableEffectNames() if name != OWN_EFFECT]
        self._editor.setEffectNameOrder(others)
        self._editor.unorderedEffectsVisible = False

    def show(self, volume, segmentation):
        """Edit this segmentation on this volume."""
        if self._node is None or slicer.mrmlScene.IsBatchProcessing():
            return
        if self._editor.segmentationNode() is not segmentation:
            self._editor.setSegmentationNode(segmentation)
        if segmentation is not None and self._editor.sourceVolumeNode() is not volume:
            self._editor.setSourceVolumeNode(volume)

    def enter(self):
        """The person came: effects and their keys work here."""
        self._isEntered = True
        self.attach()
        self._editor.setupViewObservations()
        self.setKeys(True)

    def exit(self):
        """The person left: nothing of the editor stays active."""
        self._isEntered = False
        self.setKeys(False)
        self._editor.setActiveEffect(None)
        self._editor.removeViewObservations()

    def setKeys(self, areOn):
        """Switch the editor's shortcuts.

        Off during a run, as a second shortcut on Esc makes both dead.
        """
        areOn = areOn and self._isEntered
        if areOn and not self._hasKeys:
            self._editor.installKeyboardShortcuts()
        elif self._hasKeys and not areOn:
            self._editor.uninstallKeyboardShortcuts()
        self._hasKeys = areOn

    def saveStateForUndo(self):
        """Make an undo step in the editor's history."""
        self._editor.saveStateForUndo()

    def cleanup(self):
        """Give the editor back."""
        if self._isEntered:
            self.exit()
        self._forget()
        self._editor.setMRMLSegmentEditorNode(None)

    def _segmentSelected(self):
        if not slicer.mrmlScene.IsBatchProcessing():
            self._selected()

    def _forget(self):
        if self._node is not None:
            self._node.RemoveObserver(self._tag)
        self._node = None
        self._tag = None
