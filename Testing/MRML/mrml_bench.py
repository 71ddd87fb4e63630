"""Nodes and the logic over them, as the module has them in Slicer, driven step by step."""

import numpy as np
from mrml_scene import makeScene, makeSegmentation, makeVolume
from phantoms import drifting_disc

OBLIQUE = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]]


class Bench:
    """A scene with a volume of a drifting disc, a segmentation with two segments, and a logic.

    The volume is oblique, flipped and anisotropic.
    """

    def __init__(self, phantom=drifting_disc, segmentIDs=("disc", "rest")):
        from SlicePropagationMRML.nodes.commit import makeEditorLogic
        from SlicePropagationMRML.run.logic import PropagationLogic

        self.scene, self.appLogic = makeScene()
        self.stack, self.truth = phantom()
        self.volume = makeVolume(
            self.scene,
            self.stack.images,
            (1.0, 1.5, 3.0),
            (5.0, -7.0, 11.0),
            OBLIQUE,
        )
        self.segmentation = makeSegmentation(self.scene, self.volume, segmentIDs)
        self.editorLogic = makeEditorLogic(self.scene, self.appLogic)
        self.timers = []
        self.logic = PropagationLogic(
            self.scene,
            self.editorLogic,
            schedule=lambda milliseconds, function: self.timers.append(function),
        )
        self.editorNode = self.editorLogic.GetSegmentEditorNode()

    def open(self, *segmentIDs, axis=0):
        self.logic.open(self.volume, self.segmentation, list(segmentIDs or ("disc",)), axis)

    def draw(self, segmentID, index, mask, axis=0):
        """Set one slice of a segment, as a person does in the Segment Editor.

        An undo step, then a stroke.
        """
        from SlicePropagationMRML.nodes.commit import writeSegment

        before = self.mask(segmentID)
        wanted = before.copy()
        np.moveaxis(wanted, axis, 0)[index] = mask
        self.editorLogic.SaveStateForUndo()
        for voxels, isRemoval in ((before & ~wanted, True), (wanted & ~before, False)):
            writeSegment(
                self.editorLogic,
                self.segmentation,
                segmentID,
                self.volume,
                voxels,
                isRemoval=isRemoval,
            )

    def mask(self, segmentID):
        from SlicePropagationMRML.nodes.geometry import segmentMask

        return segmentMask(self.segmentation, segmentID, self.volume)

    def run(self, engine="copy", **options):
        self.logic.start(engine, **options)
        self.logic.runToEnd()

    def runPart(self, count):
        """A run that is stopped after some slices; its result waits."""
        self.logic.start("copy")
        for _ in range(count):
            self.stepOnce()
        self.logic.stop()
        self.logic.runToEnd()

    def told(self, kind, what):
        """A list that fills with one value of each event of a kind that the logic tells."""
        values = []

        def listen(event):
            if isinstance(event, kind):
                values.append(getattr(event, what))

        self.logic.events.connect(listen)
        return values

    def turn(self):
        """One turn of the event loop."""
        timers, self.timers[:] = list(self.timers), []
        for function in timers:
            function()

    def stepOnce(self):
        """Drive the run by exactly one slice."""
        self.logic.run.advance(60.0)
