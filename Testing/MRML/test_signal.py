"""How the logic tells: a signal of its own, and the events that go through it."""

from phantoms import disc
from SlicePropagationMRML.run.events import Finished, Kept, Stepped
from SlicePropagationMRML.run.run import Phase
from SlicePropagationMRML.run.signal import Signal

SMALL = disc((48, 48), (20, 20), 5)


def test_every_listener_is_told_in_order_until_it_is_disconnected():
    told = []
    signal = Signal()

    def first(value):
        told.append(("first", value))

    def second(value):
        told.append(("second", value))

    signal.connect(first)
    signal.connect(second)
    signal.emit(1)
    signal.disconnect(first)
    signal.emit(2)
    assert told == [("first", 1), ("second", 1), ("second", 2)]


def test_a_listener_that_is_connected_twice_is_told_once_and_one_that_is_not_can_be_disconnected():
    told = []
    signal = Signal()
    signal.connect(told.append)
    signal.connect(told.append)
    signal.disconnect(print)
    signal.emit(1)
    assert told == [1]


def test_a_listener_may_disconnect_itself_while_it_is_told():
    told = []
    signal = Signal()

    def once(value):
        told.append(value)
        signal.disconnect(once)

    signal.connect(once)
    signal.connect(told.append)
    signal.emit(1)
    signal.emit(2)
    assert told == [1, 1, 2]


def test_a_run_tells_each_slice_and_its_end_and_is_gone_then(bench):
    kinds = []
    bench.logic.events.connect(lambda event: kinds.append(type(event)))
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.run(span=(6, 9))
    assert kinds == [Stepped, Stepped, Stepped, Finished]
    assert bench.logic.run is None


def test_the_phases_of_a_run_that_is_stopped_and_kept(bench):
    phases = []
    bench.logic.events.connect(lambda event: phases.append((type(event), phase(bench))))
    bench.open()
    bench.draw("disc", 7, SMALL)
    bench.logic.start("copy")
    assert phase(bench) is Phase.PREDICTING
    bench.logic.stop()
    assert phase(bench) is Phase.STOPPING
    bench.logic.runToEnd()
    assert phase(bench) is Phase.WAITING
    bench.logic.keep()
    assert phases == [
        (Stepped, Phase.STOPPING),
        (Finished, Phase.WAITING),
        (Kept, None),
    ]


def phase(bench):
    run = bench.logic.run
    return None if run is None else run.phase
