"""People who draw, run, stop, undo and redo in any order, and what has to hold after every act.

    python Testing/MRML/random_annotator.py [COUNT] [FIRST]      10000 people, from number 0

Prints each person whom something was done wrong to, with what and after which acts. Ends with 0
where there is none, otherwise 1. A number gives the same acts every time.
"""

import json
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    checkout = HERE.parents[1]
    sys.path[:0] = [str(HERE), str(HERE.parent / "Library"), str(checkout)]
    sys.path.insert(0, str(checkout / "SlicePropagation"))

from mrml_bench import Bench
from phantoms import disc
from SlicePropagationMRML.run import slice_run

from SlicePropagationLib.errors import SlicePropagationError
from SlicePropagationLib.pipelines.replay import decode_history, encode_history, replay
from SlicePropagationLib.session import AnnotationSession, Provenance
from SlicePropagationLib.stack import SliceStack

SHAPE = (6, 9, 10)  # slices along each axis are few, so that acts meet
NAMES = ("one", "two", "three")
ENGINES = ("copy", "interpolation")
NUM_ACTS = 12


class Violation(AssertionError):
    """Something that a person was promised did not hold."""


def small_phantom():
    """A stack of a few slices with a slanted bar in noise: (stack, truth)."""
    truth = np.zeros(SHAPE, bool)
    for index in range(1, 5):
        truth[index] = disc(SHAPE[1:], (4, 3 + index), 3)
    noise = np.random.default_rng(0).normal(0, 5, SHAPE)
    return SliceStack((100.0 * truth + noise).astype(np.float32), (3.0, 1.0, 1.0)), truth


class RandomAnnotator:
    """One person: acts by a number, and remembers what has to come back.

    Attributes:
        acts: what was done, for the report.
        before: what each undo has to bring back, {segment: ((K, J, I) mask, anchors)}.
        after: what each redo has to bring back.
        drawn: {(segment, slice)} that this person ever changed; nothing else may be an anchor.
    """

    def __init__(self, number):
        slice_run.TURN_SECONDS = (
            60  # drawing rests while a result is written, however long that takes
        )
        self.rng = np.random.default_rng(number)
        self.names = NAMES[: self.rng.integers(2, 4)]
        self.axis = int(self.rng.integers(3))
        self.bench = Bench(small_phantom, self.names)
        self.logic = self.bench.logic
        self.count = SHAPE[self.axis]
        self.acts = []
        self.before = []
        self.after = []
        self.drawn = set()
        self.has_travelled = False  # by undo or redo, with no step since
        # how many steps there were when a run, right after that, may have noted something
        self.spares = set()
        self.logic.saveStateForUndo = self.save
        self.bench.open(*self.names, axis=self.axis)

    def annotate(self):
        """Do some acts, and look after each; raises a Violation."""
        # Drawing rests while a result is written, however long that takes.
        with patch.object(slice_run, "TURN_SECONDS", 60):
            self.act_by_act()

    def act_by_act(self):
        try:
            for _ in range(NUM_ACTS):
                act = self.pick([*ACTS, "draw", "draw", "run", "run_with_strokes"])
                self.acts.append(act)
                ACTS.get(act, RandomAnnotator.draw)(self)
                if self.has_travelled and act in ("run", "run_with_strokes"):
                    self.spares.add(len(self.before))
                self.check_rest()
            self.check_replay()
        finally:
            self.logic.cleanup()

    # Acts

    def draw(self):
        """A stroke, or an eraser, on one slice."""
        self.stroke(self.pick(self.names), self.index())
        self.settle()

    def draw_across(self):
        """A stroke in another plane: a hint for the slices that it crosses, or a correction."""
        name = self.pick(self.names)
        axis = self.pick([other for other in range(3) if other != self.axis])
        planes = np.moveaxis(self.bench.mask(name), axis, 0)
        index = int(self.rng.integers(len(planes)))
        shape = planes.shape[1:]
        center = [int(self.rng.integers(size)) for size in shape]
        wanted = planes[index] | disc(shape, center, int(self.rng.integers(1, 4)))
        self.change(name, index, wanted, axis)
        self.settle()

    def run(self):
        """A run to its end; where it would take voxels from others, the person decides."""
        if not self.starts():
            return
        self.logic.runToEnd()
        self.decide()

    def run_with_strokes(self):
        """A run during which the person draws, that is perhaps stopped, and its result perhaps waits."""
        if not self.starts():
            return
        for _ in range(self.rng.integers(1, 5)):
            if self.logic.run is None or not self.logic.run.isBusy:
                break
            self.bench.stepOnce()
            if self.rng.random() < 0.4:
                self.stroke_meanwhile()
        if self.logic.isRunning and self.rng.random() < 0.5:
            self.logic.stop()
        self.logic.runToEnd()
        if self.logic.hasPartialResult and self.rng.random() < 0.5:
            self.stroke_meanwhile()
        self.decide()

    def confirm(self):
        name, index = self.free_slice()
        self.logic.confirm(name, index)
        self.drawn.add((name, index))
        self.expect_anchor(name, index)

    def nothing_here(self):
        name, index = self.free_slice()
        self.logic.markEmpty(name, index)
        self.drawn.add((name, index))
        self.expect_anchor(name, index)
        self.expect(not self.slices(name)[index].any(), f"{name} is left on slice {index}")

    def undo(self):
        self.travel(self.logic.undo, self.before, self.after)

    def redo(self):
        self.travel(self.logic.redo, self.after, self.before)

    def overlap(self):
        """Segments may, or may not, overlap from now on."""
        node = self.bench.editorNode
        node.SetOverwriteMode(int(self.pick([node.OverwriteNone, node.OverwriteAllSegments])))

    def reopen(self):
        """The module is left and entered: what is known comes back from the tags."""
        anchors = self.anchors()
        self.bench.open(*self.names, axis=self.axis)
        self.expect(self.anchors() == anchors, "anchors changed as the module was entered")

    # Parts of acts

    def starts(self):
        """Begin a run; whether there was something to do."""
        segments = [name for name in self.names if self.rng.random() < 0.7] or [self.names[0]]
        direction = self.pick(["both", "both", "up", "down"])
        try:
            return self.logic.start(self.pick(ENGINES), direction=direction, segmentIDs=segments)
        except SlicePropagationError:  # nothing is drawn, or no more than a pixel
            return False

    def decide(self):
        """Keep or discard what waits."""
        vouched = self.vouched()
        if self.logic.hasPartialResult:
            if self.rng.random() < 0.5:
                self.logic.keep()
                self.logic.runToEnd()
            else:
                self.logic.discard()
        self.expect_vouched(vouched)

    def stroke_meanwhile(self):
        """A stroke while the session is ahead of the segments; an undo step of its own."""
        self.stroke(self.pick(self.names), self.index())
        self.logic.look()

    def stroke(self, name, index):
        """Draw or erase a small disc on a slice, whatever it takes from others."""
        wanted = self.slices(name)[index].copy()
        shape = wanted.shape
        center = [int(self.rng.integers(size)) for size in shape]
        pen = disc(shape, center, int(self.rng.integers(1, 4)))
        erased = wanted & ~pen
        may_erase = (erased != wanted).any() and self.rng.random() < 0.3
        self.change(name, index, erased if may_erase else wanted | pen, self.axis)

    def change(self, name, index, wanted, axis):
        """Make a plane of a segment look like this, in one undo step."""
        if np.array_equal(wanted, np.moveaxis(self.bench.mask(name), axis, 0)[index]):
            return  # the editor makes no step of what changes nothing
        earlier = {other: self.slices(other).copy() for other in self.names}
        self.remember()
        self.bench.draw(name, index, wanted, axis=axis)
        for other, masks in earlier.items():
            changed = (masks != self.slices(other)).any(axis=(1, 2))
            self.drawn |= {(other, int(number)) for number in np.flatnonzero(changed)}

    def travel(self, move, source, target):
        now = self.kept()
        noted = self.logic.session.provenance.copy()
        if not move():
            source.clear()  # the editor keeps a number of steps only
            return
        found = self.kept()
        is_of_notes = not np.array_equal(noted, self.logic.session.provenance)
        is_due = bool(source) and is_as(found, source[-1])
        is_spare = len(self.before) in self.spares
        if is_spare and is_of_notes and has_voxels_of(found, now) and not is_due:
            # After undo or redo the editor has a step also for what a run without new voxels noted.
            self.spares.discard(len(self.before))
            self.expect_anchors(found, now)
            return
        self.has_travelled = True
        self.expect(bool(source), "there was a step more than acts")
        due = source.pop()
        target.append(now)
        self.spares = {number for number in self.spares if number <= len(self.before)}
        for name in self.names:
            same = np.array_equal(due[name][0], found[name][0])
            self.expect(same, f"{name} has other voxels after the step")
        self.expect_anchors(found, due)

    def expect_anchors(self, found, due):
        for name in self.names:
            anchors = due[name][1]
            self.expect(
                anchors in (None, found[name][1]),
                f"{name} has the anchors {found[name][1]} after the step, not {anchors}",
            )

    def save(self):
        """The logic makes an undo step."""
        self.remember()
        self.bench.editorLogic.SaveStateForUndo()

    def remember(self):
        """A step comes that one undo takes back."""
        self.before.append(self.kept())
        self.after.clear()
        self.has_travelled = False

    def settle(self):
        self.logic.look()
        self.bench.turn()
        self.logic.mergeEdits()

    # What is known

    def pick(self, choices):
        return choices[int(self.rng.integers(len(choices)))]

    def free_slice(self):
        """(segment, slice) that is no anchor, where there is one left: vouching for one is no step."""
        anchors = self.anchors()
        free = [
            (name, i) for name in self.names for i in range(self.count) if i not in anchors[name]
        ]
        return self.pick(free or [(self.names[0], 0)])

    def index(self):
        return int(self.rng.integers(self.count))

    def slices(self, name):
        """(N, H, W) mask of a segment along the axis."""
        return np.moveaxis(self.bench.mask(name), self.axis, 0)

    def anchors(self):
        document = self.logic.document
        return {name: self.logic.session.anchors(document.labelOf(name)) for name in self.names}

    def kept(self):
        """What an undo to now has to bring back; no anchors while a stroke is not taken over yet."""
        run = self.logic.run
        anchors = {} if run is not None and run.hasEdits else self.anchors()
        return {name: (self.bench.mask(name).copy(), anchors.get(name)) for name in self.names}

    def vouched(self):
        """{(segment, slice): mask} of all anchors, as the segments show them."""
        return {
            (name, index): self.slices(name)[index].copy()
            for name, indices in self.anchors().items()
            for index in indices
        }

    # What has to hold

    def expect(self, holds, what):
        if not holds:
            raise Violation(f"{what}; after {', '.join(self.acts)}")

    def expect_anchor(self, name, index):
        self.expect(index in self.anchors()[name], f"slice {index} of {name} is no anchor")

    def expect_vouched(self, before):
        for (name, index), mask in before.items():
            now = self.slices(name)[index]
            self.expect(np.array_equal(mask, now), f"slice {index} of {name} was changed by a run")

    def check_rest(self):
        """Session and segments agree, and only what the person touched is an anchor."""
        self.settle()
        for name, indices in self.anchors().items():
            label = self.logic.document.labelOf(name)
            masks = self.logic.session.masks(label)
            self.expect(np.array_equal(masks, self.slices(name)), f"the session has another {name}")
            known = self.logic.session.provenance[self.logic.session.labels.index(label)]
            hints = self.logic.session.hints(label)
            lost = [
                i for i, hint in hints.items() if (hint.paste(masks[i].shape) & ~masks[i]).any()
            ]
            self.expect(not lost, f"hints on slices {lost} of {name} are lost")
            rest = masks.copy()
            for index, hint in hints.items():
                rest[index] &= ~hint.paste(rest[index].shape)
            nobodys = np.flatnonzero(rest.any(axis=(1, 2)) & (known == Provenance.EMPTY)).tolist()
            self.expect(not nobodys, f"slices {nobodys} of {name} are of nobody")
            ghosts = [index for index in indices if (name, index) not in self.drawn]
            self.expect(not ghosts, f"slices {ghosts} of {name} are anchors that nobody drew")

    def check_replay(self):
        """The record, done again on the same image, gives the same voxels and provenance."""
        session = self.logic.session
        again = AnnotationSession(session.stack, session.labels)
        text = json.dumps(encode_history(session.history))
        replay(again, decode_history(json.loads(text), session.stack))
        for label in session.labels:
            masks = session.masks(label)
            self.expect(np.array_equal(masks, again.masks(label)), "the record gives other voxels")
            known, found = session.hints(label), again.hints(label)
            is_same = list(known) == list(found) and all(known[i].equals(found[i]) for i in known)
            self.expect(is_same, "the record gives other hints")
        same = np.array_equal(session.provenance, again.provenance)
        self.expect(same, "the record gives another provenance")


def has_voxels_of(found, due):
    """Whether two of `RandomAnnotator.kept` show the same."""
    return all(np.array_equal(found[name][0], due[name][0]) for name in due)


def is_as(found, due):
    """Whether two of `RandomAnnotator.kept` show the same, and know the same anchors if any."""
    same_anchors = all(due[name][1] in (None, found[name][1]) for name in due)
    return same_anchors and has_voxels_of(found, due)


ACTS = {
    "draw": RandomAnnotator.draw,
    "draw_across": RandomAnnotator.draw_across,
    "run": RandomAnnotator.run,
    "run_with_strokes": RandomAnnotator.run_with_strokes,
    "confirm": RandomAnnotator.confirm,
    "nothing_here": RandomAnnotator.nothing_here,
    "undo": RandomAnnotator.undo,
    "redo": RandomAnnotator.redo,
    "overlap": RandomAnnotator.overlap,
    "reopen": RandomAnnotator.reopen,
}


def violations(numbers):
    """(number, what was wrong) of each of these people whom something was done wrong to."""
    for number in numbers:
        try:
            RandomAnnotator(number).annotate()
        except Violation as violation:
            yield number, str(violation)


def main(count=10_000, first=0):
    """Ask some people; the exit code."""
    found = 0
    for number, what in violations(range(first, first + count)):
        found += 1
        print(f"{number}: {what}", flush=True)
    print(f"{count} people, {found} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
