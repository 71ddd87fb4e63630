"""How long the panel keeps the window waiting, on the test host.

Its start-up, and the longest event-loop turn of each phase of a run.

Usage: python Testing/Benchmarks/benchmark_panel.py [--shape 200,512,512] [--segments 1]
    [--intensity-range]

Prints milliseconds of this thread's processor time (what other programs take does not count), of
which milliseconds inside Slicer's own C++ where the phase calls it, and the ratio to two plain ways
of writing a segment with the whole volume, in the same process:
slicer.util.updateSegmentBinaryLabelmapFromArray, which honours no masking, and the segment editor
logic, which honours what is set.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parents[2]
TESTING = CHECKOUT / "Testing"
FOLDERS = [
    str(CHECKOUT),
    str(CHECKOUT / "SlicePropagation"),
    *(str(TESTING / name) for name in ("GUI", "Host", "MRML", "Library")),
]
MODULE = CHECKOUT / "SlicePropagation" / "SlicePropagation.py"
NATIVE = (
    "ModifySegmentByLabelmap",
    "UpdateMaskLabelmap",
    "SaveStateForUndo",
    "Undo",
    "Redo",
    "UpdateReferenceGeometryImage",
)
GOAL_MS = 100
START = """
import sys, time, importlib.util
sys.path[:0] = {folders!r}
from host import slicerenv, modules
slicerenv.bootstrap()
import slicer
begin = time.thread_time()
spec = importlib.util.spec_from_file_location("SlicePropagation", {module!r})
python = sys.modules["SlicePropagation"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(python)
module = modules.add_module("qSlicerScriptedLoadableModule", "SlicePropagation", path={module!r})
instance = python.SlicePropagation(module)
slicer.app.startupCompleted.emit()
loaded = time.thread_time()
slicer.modules.slicepropagation.widgetRepresentation().enter()
shown = time.thread_time()
print(1000 * (loaded - begin), 1000 * (shown - loaded), flush=True)
import os; os._exit(0)
"""


def start_up(repeats=5):
    """Milliseconds of start-up with the module, and of the first showing of the panel.

    Medians over fresh processes.
    """
    script = START.format(folders=FOLDERS, module=str(MODULE))
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
        )
        for _ in range(repeats)
    ]
    times = [[float(value) for value in done.stdout.splitlines()[-1].split()] for done in runs]
    return [statistics.median(column) for column in zip(*times, strict=True)]


class Turns:
    """Measures event-loop turns.

    Args:
        editor_logics: vtkSlicerSegmentEditorLogic objects whose time counts as Slicer's own.
    """

    def __init__(self, editor_logics):
        from PySide6.QtWidgets import QApplication

        self._turn = QApplication.processEvents
        self._native = 0.0
        self.longest = {}
        for logic in editor_logics:
            for name in NATIVE:
                setattr(logic, name, self._timed(getattr(logic, name)))

    def _timed(self, function):
        def call(*arguments):
            begin = time.thread_time()
            try:
                return function(*arguments)
            finally:
                self._native += time.thread_time() - begin

        return call

    def one(self, phase, act=None):
        """One turn, or something that a click does in one.

        Keeps the longest of the phase as (milliseconds, of these in Slicer's C++).
        """
        self._native = 0.0
        begin = time.thread_time()
        (act or self._turn)()
        taken = 1000 * (time.thread_time() - begin)
        self.longest[phase] = max(self.longest.get(phase, (0.0, 0.0)), (taken, 1000 * self._native))

    def until(self, phase, condition, pause=0.002):
        """Turn until the condition holds."""
        while not condition():
            self.one(phase)
            time.sleep(pause)

    def wait(self, phase, seconds):
        """Turn for so long."""
        end = time.monotonic() + seconds
        self.until(phase, lambda: time.monotonic() > end)


def ball_of(shape, radius=0.43):
    """(K, J, I) bool: an ellipsoid as large in its volume as a liver is."""
    parts = np.ogrid[tuple(slice(size) for size in shape)]
    return (
        sum(
            ((part - size / 2) / (size * (radius if axis == 0 else radius / 2))) ** 2
            for axis, (part, size) in enumerate(zip(parts, shape, strict=True))
        )
        < 1
    )


def measure(shape, num_segments, is_masked):
    """The longest turn of each phase, as a person meets them, and the two plain writes.

    Returns ({phase: (milliseconds, of it in Slicer's C++)}, milliseconds, milliseconds).
    """
    from annotator import Annotator
    from host import person, slicerenv
    from mrml_scene import makeVolume

    slicerenv.bootstrap()
    import slicer

    slicer.util.mainWindow().resize(420, 1500)
    slicer.util.mainWindow().show()
    annotator = Annotator(slicerenv.load_module(MODULE)[2])
    panel = annotator.panel
    ui = annotator.ui
    ball = ball_of(shape)
    image = (100 * ball).astype(np.int16) + np.random.default_rng(0).integers(
        0,
        20,
        shape,
        dtype=np.int16,
    )
    turns = Turns([annotator.logic.editorLogic, ui.editor._logic])
    middle = shape[0] // 2
    annotator.axis = 0
    makeVolume(slicer.mrmlScene, image, (0.8, 0.8, 2.0))
    person.turns()
    parts = [
        ball & (np.arange(shape[2]) * num_segments // shape[2] == number)[None, None, :]
        for number in range(num_segments)
    ]
    for part in parts:
        turns.one("segment added", annotator.add_segment)
        person.draw_slice(ui.editor, 0, middle, part[middle])
        turns.wait("drawing noticed", 0.5)
    annotator.choose(ui.engineComboBox, "Copy (baseline)")
    if num_segments > 1:
        annotator.choose(ui.scopeComboBox, "All drawn segments")
    if is_masked:
        panel.draw.node.SetSourceVolumeIntensityMask(True)
        panel.draw.node.SetSourceVolumeIntensityMaskRange(50, 1000)
        person.turns()
    person.turns(20)
    turns.one("Propagate pressed", lambda: panel.commands.propagateOrStop())
    turns.until(
        "run, slice by slice",
        lambda: annotator.logic.run is None or annotator.logic.run.phase.name == "WRITING",
    )
    turns.until("result written", lambda: not annotator.logic.isRunning)
    turns.wait("after the run", 0.5)
    turns.one("next suspicious slice", panel.commands.showNext)
    turns.one("slice confirmed", panel.commands.confirm)
    for name, button in (
        ("undo", ui.editor._undo),
        ("undo", ui.editor._undo),
        ("redo", ui.editor._redo),
    ):
        turns.one(name, button.click)
        turns.wait(f"{name} noticed", 0.5)
    return turns.longest, write_plainly(annotator, ball), write_whole(annotator, ball)


def write_plainly(annotator, voxels):
    """Milliseconds that slicer.util takes to write a segment."""
    import slicer

    segment = annotator.segmentation.GetSegmentation().AddEmptySegment("plain")
    begin = time.thread_time()
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        voxels.astype(np.uint8),
        annotator.segmentation,
        segment,
        annotator.volume,
    )
    return 1000 * (time.thread_time() - begin)


def write_whole(annotator, voxels):
    """Milliseconds that the editor logic takes to write a segment, with the whole volume."""
    from SlicePropagationMRML.nodes.geometry import arrayOf, emptyLabelmap

    logic = annotator.logic.editorLogic
    segmentation = annotator.segmentation
    segment = segmentation.GetSegmentation().AddEmptySegment("whole")
    begin = time.thread_time()
    labelmap = emptyLabelmap(annotator.volume, segmentation)
    arrayOf(labelmap)[:] = voxels
    logic.GetSegmentEditorNode().SetSelectedSegmentID(segment)
    logic.UpdateMaskLabelmap()
    logic.UpdateSelectedSegmentLabelmap()
    logic.ModifySegmentByLabelmap(
        segmentation,
        segment,
        labelmap,
        logic.ModificationModeAdd,
        list(labelmap.GetExtent()),
        False,
        False,
    )
    return 1000 * (time.thread_time() - begin)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", default="200,512,512", help="K,J,I of the volume")
    parser.add_argument(
        "--segments",
        type=int,
        default=1,
        help="how many segments go in the run",
    )
    parser.add_argument(
        "--intensity-range",
        action="store_true",
        help="with Slicer's intensity mask on",
    )
    options = parser.parse_args(arguments)
    shape = tuple(int(size) for size in options.shape.split(","))
    sys.path[:0] = FOLDERS
    started, shown = start_up()
    print(
        f"start-up of Slicer with the module   {started:7.0f} ms   (goal < 50 ms; the panel's first"
        f" showing, when the person chooses the module: {shown:.0f} ms)"
    )
    longest, plain, whole = measure(shape, options.segments, options.intensity_range)
    print(
        f"longest turn of the event loop, volume {'x'.join(map(str, shape))}, {options.segments}"
        f" segment(s){', intensity range on' * options.intensity_range}"
    )
    print(
        f"plain writes of one segment: slicer.util {plain:.0f} ms, editor logic with the whole"
        f" volume {whole:.0f} ms"
    )
    for phase, (taken, native) in longest.items():
        print(
            f"{phase:24} {taken:8.1f} ms   in Slicer's C++ {native:6.1f} ms   {taken / plain:5.2f}"
            f" and {taken / whole:5.2f} of the plain writes  "
            f" {'' if taken < GOAL_MS else f'over {GOAL_MS} ms'}"
        )
    return 0


if __name__ == "__main__":
    import os

    code = main()
    sys.stdout.flush()
    os._exit(code)  # PySide6 and VTK disagree about who goes first at the end of the process
