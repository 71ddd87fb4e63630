"""Pictures of the panel in each of its states, in two widths, light and dark, as rendered on the test host.

Usage: python Testing/GUI/screenshots.py [--out Resources/Screenshots] [--states
    empty,no_pytorch,ready,…]

A picture that is not as wide as asked for has something in it that does not fit: the command then
    fails and names it.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
sys.path[:0] = [
    str(CHECKOUT),
    str(CHECKOUT / "SlicePropagation"),
    str(HERE),
    *(str(HERE.parent / name) for name in ("Host", "MRML", "Library")),
]
WIDTHS = (400, 600)  # of a docked panel on a laptop and on a desk
STATES = (
    "empty",
    "no_pytorch",
    "ready",
    "running",
    "stopped",
    "reviewed",
    "options",
    "error",
    "frames",
    "carried",
    "hints",
)  # each builds on the one before, but the first two, "frames" and "hints"
NAMES = ("Liver", "Right kidney", "Spleen")
SEED_SLICE = 28


class States:
    """Brings a panel from one state to the next, in this order.

    Args:
        annotator: an Annotator in front of an empty scene.
    """

    def __init__(self, annotator):
        from SlicePropagationLib.pipelines.phantom_volume import make_sample

        self.annotator = annotator
        self._find_spec = importlib.util.find_spec
        self.sample = make_sample(shape=(60, 128, 128))

    def empty(self):
        """Nothing is loaded."""

    def no_pytorch(self):
        """A volume and a seed; the engine chosen needs PyTorch, which is not there."""
        self._load()
        importlib.util.find_spec = lambda name, *rest: (
            None if name == "torch" else self._find_spec(name, *rest)
        )
        self.annotator.panel.run.refreshEngines()
        self.annotator.choose(self.annotator.ui.engineComboBox, "Trained network, needs PyTorch")

    def ready(self):
        """A volume and a seed; everything is there for a run."""
        importlib.util.find_spec = self._find_spec
        self.annotator.panel.run.refreshEngines()
        self.annotator.choose(self.annotator.ui.engineComboBox, "Image registration")
        self._fold()
        self.annotator.panel.say("")

    def running(self):
        """Half of a run is done."""
        from host import person

        person.click(self.annotator.ui.propagateButton)
        person.wait_until(lambda: self.annotator.ui.progressBar.value >= 25, 120)
        self.annotator.panel.review.show(self.annotator.panel.reviewed())

    def stopped(self):
        """The run was stopped, and its result waits for a decision."""
        self.annotator.key("Esc")
        self.annotator.wait_for_end()

    def reviewed(self):
        """Propagated, one slice corrected, one confirmed."""
        self.annotator.key("K")
        self.annotator.wait_for_end()
        self.annotator.propagate()
        self.annotator.click_slice(SEED_SLICE + 5)
        self.annotator.key("C")
        self.annotator.propagate()
        self.annotator.click_slice(14)
        self.annotator.draw(14, self.sample.labels[14] == 1)

    def options(self):
        """What is folded away otherwise."""
        from host import person

        for section in (
            self.annotator.ui.optionsCollapsibleButton,
            self.annotator.ui.detailsCollapsibleButton,
        ):
            person.click(section, 20, 8)

    def frames(self):
        """The volume is a frame of a sequence that breathes.

        Its result is being carried to the other frames.
        """
        import numpy as np
        import slicer
        from host import person
        from mrml_scene import makeVolume

        self._fold()
        self.annotator.axis = 0
        slicer.mrmlScene.Clear(False)
        person.turns()
        sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "CT breathing")
        for frame in range(5):
            volume = makeVolume(
                slicer.mrmlScene,
                np.roll(self.sample.volume, min(frame, 5 - frame), axis=1),
                (2.8, 2.8, 3.0),
                name="CT breathing",
            )
            sequence.SetDataNodeAtValue(volume, str(frame))
            slicer.mrmlScene.RemoveNode(volume)
        browser = slicer.mrmlScene.AddNewNodeByClass(
            "vtkMRMLSequenceBrowserNode",
            "CT breathing browser",
        )
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        self.annotator.ui.volumeSelector.setCurrentNode(browser.GetProxyNode(sequence))
        person.turns()
        segment = self.annotator.add_segment()
        self.annotator.segmentation.GetSegmentation().GetSegment(segment).SetName("Liver")
        self.annotator.draw(SEED_SLICE, self.sample.labels[SEED_SLICE] == 1)
        self.annotator.choose(self.annotator.ui.engineComboBox, "Image registration")
        self._fold()
        self.annotator.propagate()
        self.annotator.click_slice(SEED_SLICE)
        person.click(self.annotator.ui.carryButton)
        person.wait_until(lambda: self.annotator.ui.progressBar.value >= 1400, 200)

    def carried(self):
        """The result is in all frames, and another one is shown."""
        import slicer
        from host import person

        self.annotator.wait_for_end()
        slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode").SetSelectedItemNumber(2)
        person.turns()

    def error(self):
        """The volume cannot be followed."""
        import numpy as np
        import slicer

        slicer.util.updateVolumeFromArray(self.annotator.volume, np.full((60, 64, 64), 7, np.int16))
        self.annotator.choose(self.annotator.ui.axisComboBox, "Coronal")
        self._fold()

    def hints(self):
        """A slice is drawn, and the structure in another plane, too."""
        import slicer
        from host import person

        slicer.mrmlScene.Clear(False)
        person.turns()
        self._load()
        self.ready()
        column = self.sample.labels.shape[2] // 3
        section = self.sample.labels[:, :, column] == 1
        self.annotator.draw(column, section | self.annotator.mask()[:, :, column], axis=2)

    def _fold(self):
        """What is chosen once is out of the way."""
        self.annotator.ui.optionsCollapsibleButton.collapsed = True
        self.annotator.ui.detailsCollapsibleButton.collapsed = True

    def _load(self):
        import slicer
        from host import person
        from mrml_scene import makeVolume

        volume = makeVolume(
            slicer.mrmlScene,
            self.sample.volume,
            (2.8, 2.8, 3.0),
            name="CT abdomen",
        )
        self.annotator.axis = 0
        self.annotator.ui.volumeSelector.setCurrentNode(volume)
        for label, name in enumerate(NAMES, 1):
            segment = self.annotator.add_segment()
            self.annotator.segmentation.GetSegmentation().GetSegment(segment).SetName(name)
            if label == 1:
                first = segment
        self.annotator.ui.editor.setCurrentSegmentID(first)
        person.turns()
        self.annotator.draw(SEED_SLICE, self.sample.labels[SEED_SLICE] == 1)
        self.annotator.click_slice(SEED_SLICE)


def take_all(out, names=STATES):
    """Write the pictures of these states; returns those that did not fit."""
    from annotator import Annotator
    from host import person, picture, slicerenv

    slicerenv.bootstrap(check_prefix=[CHECKOUT / "SlicePropagation"])
    import slicer

    slicer.util.mainWindow().show()
    widget = slicerenv.load_module(CHECKOUT / "SlicePropagation" / "SlicePropagation.py")[2]
    states = States(Annotator(widget))
    misfits = []
    for name in names:
        getattr(states, name)()
        time.sleep(0.1)
        for palette in ("light", "dark"):
            for width in WIDTHS:
                picture.use_palette(palette)
                person.turns()
                widget.panel.status.color()
                path = out / f"panel-{name.replace('_', '-')}-{width}-{palette}.png"
                actual = picture.take(widget.parent, path, width, palette=palette)[0]
                if actual != width:
                    misfits.append(f"{path.name} is {actual} pixels wide")
    return misfits + [str(error) for error in slicerenv.slot_errors]


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out",
        type=Path,
        default=CHECKOUT / "Resources" / "Screenshots",
        help="folder for the pictures",
    )
    parser.add_argument(
        "--states",
        default=",".join(STATES),
        help="which states, in this order; default: all",
    )
    options = parser.parse_args(arguments)
    misfits = take_all(options.out, options.states.split(","))
    print("\n".join(misfits) or "Everything fits.", flush=True)
    return 1 if misfits else 0


if __name__ == "__main__":
    import os

    os._exit(main())  # PySide6 and VTK disagree about who goes first at the end of the process
