"""The worker thread computes steps; what is destroyed, is destroyed on the main thread."""

import gc
import threading
import time

import pytest
from SlicePropagationMRML.run.worker import FINISHED, StepWorker


class Widget:
    """Something in a reference cycle that must go on the main thread; notes where it went."""

    threads = []

    def __init__(self):
        self.itself = self

    def __del__(self):
        self.threads.append(threading.current_thread())


@pytest.fixture(autouse=True)
def collecting(monkeypatch):
    """The collector is on, and nothing is noted yet."""
    monkeypatch.setattr(Widget, "threads", [])
    gc.enable()
    yield
    gc.enable()


def steps_with_garbage(count):
    """Steps that leave garbage, and allocate enough for a collection."""
    for number in range(count):
        Widget()
        yield len([[] for _ in range(100_000)]) + number


def settle(is_on):
    """Wait until the worker has given the collector back."""
    end = time.monotonic() + 10
    while gc.isenabled() != is_on and time.monotonic() < end:
        time.sleep(0.001)
    return gc.isenabled() == is_on


def test_garbage_is_collected_on_the_main_thread_only():
    worker = StepWorker()
    steps = steps_with_garbage(3)
    for number in range(3):
        worker.request(steps)
        assert worker.poll(timeout=30) == (100_000 + number, None)
    assert settle(is_on=True)
    gc.collect()
    assert len(Widget.threads) == 3
    assert set(Widget.threads) == {threading.main_thread()}


def test_collection_goes_on_after_a_step_that_failed():
    def failing():
        yield 1 / 0

    worker = StepWorker()
    worker.request(failing())
    step, error = worker.poll(timeout=30)
    assert step is FINISHED
    assert isinstance(error, ZeroDivisionError)
    assert settle(is_on=True)


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    worker = StepWorker()
    worker.request(iter([1]))
    assert worker.poll(timeout=30) == (1, None)
    time.sleep(0.05)
    assert not gc.isenabled()


def test_of_two_workers_the_last_one_gives_the_collector_back():
    go = threading.Event()

    def waiting():
        go.wait(30)
        yield 2

    first = StepWorker()
    second = StepWorker()
    first.request(waiting())
    second.request(iter([1]))
    assert second.poll(timeout=30) == (1, None)
    time.sleep(0.05)
    assert not gc.isenabled()
    go.set()
    assert first.poll(timeout=30) == (2, None)
    assert settle(is_on=True)


def test_the_thread_ends_with_its_worker():
    worker = StepWorker()
    worker.request(iter([1]))
    assert worker.poll(timeout=30) == (1, None)
    thread = worker._thread
    del worker
    thread.join(30)
    assert not thread.is_alive()
