"""Things done at the page without a browser, in a process that is theirs alone.

    python page_experiments.py NAME FOLDER [ARGUMENT ...]

The last line that is printed is what came of it, as JSON.
"""

import csv
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from case_phantoms import wandering_disc
from SlicePropagationMRML.nodes.commit import writeSegment
from SlicePropagationMRML.run.slice_run import SliceRun
from SlicePropagationWeb.recovery import Recovery
from small_case import write
from web_bench import Bench

from SlicePropagationLib.files.companions import companion

AUTOSAVE_S = 10  # otherwise it comes after 1 or 2
DRAWN = {"seed", "correction", "confirmed"}


def holds_within(seconds: float, condition: Callable[[], object]) -> bool:
    """Wait until something holds; whether it does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def open_path(bench: Bench, path: Path) -> dict[str, object]:
    """Open a file or folder from the list of the page: what the page says then."""
    data = bench.application.data
    bench.call(setattr, data, "message", "")
    bench.call(bench.application._command, "load", str(path))
    is_over = holds_within(10, lambda: data.message and not data.loading)
    return {
        "is_over": is_over,
        "message": data.message.replace(str(path.parent), ""),
        "is_error": data.is_error,
        "volume": data.volume_text,
        "still": data.loading,
    }


def opening(folder: Path, *names: str) -> dict[str, dict]:
    """Open several things of a folder, one after the other."""
    bench = Bench(folder / "results", [str(folder)])
    return {name: open_path(bench, folder / name) for name in names}


def slow_down() -> None:
    """A run takes seconds, however fast the engine is."""
    walk = SliceRun._walk

    def walk_slowly(*arguments):
        for step in walk(*arguments):
            time.sleep(0.2)
            yield step

    SliceRun._walk = walk_slowly


def bench_with_disc(folder: Path) -> tuple[Bench, np.ndarray]:
    """The page with a small volume and the engine that needs no time, and where its disc is."""
    image, truth = wandering_disc()
    path = write(folder / "disc.nrrd", image.astype(np.int16))
    bench = Bench(folder / "results", [str(folder)])
    open_path(bench, path)
    bench.call(setattr, bench.application.data, "engine", "copy")
    return bench, truth


def draw_on(bench: Bench, truth: np.ndarray, index: int) -> None:
    """Draw what is true on a slice."""
    controller = bench.application.controller
    mask = np.zeros_like(truth)
    mask[index] = truth[index]
    controller.history.save()
    writeSegment(
        controller.editor.editor_logic,
        controller.segmentation,
        controller.chosen_id(),
        controller.volume,
        mask,
        isRemoval=False,
    )


def crashing_after_strokes(folder: Path) -> dict[str, list[int]]:
    """Draw, begin a run, draw, and end as soon as the page has taken the last stroke."""
    slow_down()
    bench, truth = bench_with_disc(folder)
    bench.call(draw_on, bench, truth, 9)
    bench.call(bench.application._command, "propagate")
    bench.call(draw_on, bench, truth, 14)
    bench.call(bench.application._command, "stop")
    bench.call(draw_on, bench, truth, 12)
    return {"drawn": [9, 12, 14]}


def going_on(folder: Path) -> dict[str, object]:
    """Go on with what a crash left: the drawn slices, and whether they are as they were drawn."""
    _, truth = wandering_disc()
    bench = Bench(folder / "results", [str(folder)])
    application = bench.application
    is_offered = application.data.offer is not None
    bench.call(application._command, "restore")
    holds_within(20, lambda: application.data.offer is None and not application.data.loading)
    session = application.workflow.logic.session
    drawn = session.anchors(1)
    stack = session.stack
    masks = stack.to_volume(session.masks(1))
    is_same = all(np.array_equal(masks[index], truth[index]) for index in drawn)
    return {"is_offered": is_offered, "drawn": drawn, "is_same": is_same}


def drawing_while_a_result_waits(folder: Path) -> dict[str, bool]:
    """Draw, stop the run, draw on another slice: which of both strokes the autosave has."""
    slow_down()
    bench, truth = bench_with_disc(folder)
    logic = bench.application.workflow.logic

    def draw(index: int) -> None:
        draw_on(bench, truth, index)

    def is_kept(index: int) -> bool:
        found = Recovery(folder / "results" / "autosave").found()
        return found is not None and index in drawn_in(companion(found["labels"], ".slices.csv"))

    bench.call(draw, 9)
    is_first_kept = holds_within(AUTOSAVE_S, lambda: is_kept(9))
    bench.call(bench.application.workflow.propagate)
    holds_within(10, lambda: logic.isRunning)
    bench.call(bench.application.workflow.stop)
    is_waiting = holds_within(20, lambda: logic.hasPartialResult)
    bench.call(draw, 12)
    return {
        "is_first_kept": is_first_kept,
        "is_waiting": is_waiting,
        "is_other_kept": holds_within(AUTOSAVE_S, lambda: is_kept(12)),
    }


def drawn_in(table: Path) -> set[int]:
    """The slices that a table says a person drew."""
    try:
        with open(table, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError:  # the next state took its place
        return set()
    return {int(row["slice"]) for row in rows if row["provenance"] in DRAWN}


def state_from_a_client(
    folder: Path,
    key: str,
    value: str,
) -> dict[str, object]:
    """Set what only choices of the page set, as any client can, and propagate."""
    bench, _ = bench_with_disc(folder)
    application = bench.application
    data = application.data

    def engines_that_ran() -> list[str]:
        history = application.workflow.logic.session.history
        return [event["engine"] for event in history if event["event"] == "run"]

    bench.call(application.workflow.jump, 9)
    bench.call(application._command, "empty")
    usual = getattr(data, key)
    problem = ""
    try:
        bench.call(setattr, data, key, value)
        bench.call(application._command, "propagate")
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    holds_within(5, engines_that_ran)
    message = data.message
    bench.call(setattr, data, key, usual)
    bench.call(application._command, "jump", 14)
    return {
        "problem": problem,
        "engines": engines_that_ran(),
        "message": message,
        "is_usable": data.index == 14,
    }


EXPERIMENTS = {
    "opening": opening,
    "drawing-while-a-result-waits": drawing_while_a_result_waits,
    "crashing-after-strokes": crashing_after_strokes,
    "going-on": going_on,
    "state-from-a-client": state_from_a_client,
}

if __name__ == "__main__":
    print(json.dumps(EXPERIMENTS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])), flush=True)
    os._exit(0)  # the server's thread would go on
