"""Private memory of the panel, on the test host, with a volume of 4.2 GB, from opening to saving.

    python Testing/Benchmarks/benchmark_large_panel.py [--slices 2000] [--image FILE.nrrd] [--run 20]

As `benchmark_large.py`, but at the panel: nodes, editor and undo are those of Slicer, which holds
the voxels itself. A stroke is given to the editor as the box that it fills.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TESTING = CHECKOUT / "Testing"
MODULE = CHECKOUT / "SlicePropagation" / "SlicePropagation.py"
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation"]
SOURCES += [TESTING / name for name in ("GUI", "Host", "MRML", "Library")]
sys.path[:0] = map(str, SOURCES)

from large_volume import IN_SLICE, MemoryWatch, write_volume

ENGINE = "Image registration"
RADIUS = 110  # voxels
CORRECTED = 5  # so many slices behind the one in the middle, which is drawn on first
REST_S = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=2000)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--run", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        image = arguments.image or Path(name) / "image.nrrd"
        if not image.is_file():
            write_volume(image, arguments.slices)
        print(f"{image.stat().st_size / 1e9:.1f} GB; {arguments.run} slices a run")
        Panel().annotate(image, Path(name) / "out.seg.nrrd", arguments.slices, arguments.run)


class Panel:
    """The panel in front of an empty scene."""

    def __init__(self) -> None:
        from host import person, slicerenv

        slicerenv.bootstrap()
        import slicer
        from annotator import Annotator

        slicer.util.mainWindow().resize(420, 1500)
        slicer.util.mainWindow().show()
        self._turns = person.turns
        self._hands = Annotator(slicerenv.load_module(MODULE)[2])
        self._watch = MemoryWatch(os.getpid())

    def annotate(self, image: Path, out: Path, num_slices: int, run: int) -> None:
        """Open, draw, propagate, correct, propagate again, undo, redo, save."""
        hands, middle = self._hands, num_slices // 2
        self._watch.begin()
        self._do("the panel, without a volume", lambda: None)
        self._do("loaded by Slicer", self._load, image)
        hands.choose(hands.ui.engineComboBox, ENGINE)
        hands.check(hands.ui.toTheEndCheckBox, False)
        hands.ui.rangeWidget.setValues(middle - run // 2 + 1, middle + run // 2 + 1)
        self._turns()
        self._do("drawn", self._draw, middle, RADIUS)
        self._do("propagated", hands.propagate)
        self._do("corrected", self._draw, middle + CORRECTED, RADIUS + 20)
        self._do("propagated again", hands.propagate)
        self._do("undone", hands.undo)
        self._do("done again", hands.redo)
        self._do("saved by Slicer", self._save, out)
        self._watch.end()
        print(hands.kinds()[middle - run // 2 - 2 : middle + run // 2 + 3], hands.status)

    def _do(self, what: str, act, *arguments) -> None:
        began = time.perf_counter()
        act(*arguments)
        seconds = time.perf_counter() - began
        end = time.monotonic() + REST_S
        while time.monotonic() < end:
            self._turns()
            time.sleep(0.01)
        self._watch.show(what, seconds)

    def _load(self, image: Path) -> None:
        import slicer

        volume = slicer.util.loadVolume(str(image))
        self._hands.ui.volumeSelector.setCurrentNode(volume)
        self._turns()
        self._hands.add_segment()

    def _draw(self, index: int, radius: int) -> None:
        """A disc in the middle of a slice."""
        import numpy as np
        import slicer
        import vtk.util.numpy_support

        editor = self._hands.ui.editor
        editor.setActiveEffectByName("Paint")
        first, last = IN_SLICE // 2 - radius, IN_SLICE // 2 + radius
        extent = [first, last, first, last, index, index]
        stroke = slicer.vtkOrientedImageData()
        stroke.SetExtent(*extent)
        stroke.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        matrix = vtk.vtkMatrix4x4()
        self._hands.volume.GetIJKToRASMatrix(matrix)
        stroke.SetGeometryFromImageToWorldMatrix(matrix)
        rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        voxels = vtk.util.numpy_support.vtk_to_numpy(stroke.GetPointData().GetScalars())
        voxels[:] = (np.hypot(rows, columns) <= radius).ravel()
        effect = editor.activeEffect()
        effect.saveStateForUndo()
        effect.modifySelectedSegmentByLabelmap(stroke, effect.ModificationModeAdd, extent)
        self._hands.wait_for_panel()

    def _save(self, out: Path) -> None:
        import slicer

        assert slicer.util.saveNode(self._hands.segmentation, str(out))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # PySide6 and VTK disagree about who goes first at the end of the process
