"""What a person said of a slice is what the nodes, and the record of them, say afterwards."""

import pytest

from SlicePropagationLib.pipelines.replay import decode_history, encode_history, replay
from SlicePropagationLib.session import AnnotationSession

SIZE = (48, 48)


@pytest.fixture
def bench():
    """Nodes with a drifting disc and two segments, and the logic over them."""
    pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")
    from mrml_bench import Bench

    bench = Bench()
    yield bench
    bench.logic.cleanup()


def settle(bench):
    """Let the logic see what was drawn."""
    bench.logic.mergeEdits()
    for _ in range(3):
        bench.turn()
    bench.logic.mergeEdits()


def test_nothing_here_is_still_nothing_when_the_record_is_done_again(bench):
    from phantoms import disc

    bench.open("disc")
    bench.draw("disc", 7, disc(SIZE, (20, 20), 5))
    bench.run("copy")
    bench.logic.markEmpty("disc", 12)
    bench.logic.mergeEdits()
    session = bench.logic.session
    assert not session.mask(1, 12).any()
    again = AnnotationSession(session.stack, (1,))
    replay(again, decode_history(encode_history(session.history)))
    assert not again.mask(1, 12).any()


def test_an_undone_stroke_leaves_no_correction_in_another_segment(bench):
    from phantoms import disc

    logic = bench.logic
    mask = disc(SIZE, (24, 24), 7)
    bench.open("disc", "rest")
    bench.editorNode.SetOverwriteMode(bench.editorNode.OverwriteAllSegments)
    bench.draw("rest", 12, mask)
    settle(bench)
    bench.run("registration", direction="both", segmentIDs=["rest"])
    bench.draw("rest", 0, mask)
    settle(bench)
    logic.start("interpolation", direction="down", segmentIDs=["rest"])
    bench.stepOnce()
    bench.draw("disc", 9, disc(SIZE, (24, 26), 7))  # takes from what was predicted for the other
    logic.look()
    logic.runToEnd()
    logic.undo()
    settle(bench)
    label = logic.document.labelOf("rest")
    assert sorted(logic.session.anchors(label)) == [0, 12]
