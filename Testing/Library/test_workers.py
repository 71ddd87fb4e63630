"""Workers do what they are given, say when they die, and never outlive the process they work for."""

import os
import signal
import subprocess
import sys
import time

import pytest

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.processes import is_alive
from SlicePropagationLib.workers import WorkerDiedError, as_done, in_order

OWNER = """
from test_workers import own_number
from SlicePropagationLib.workers import as_done

if __name__ == "__main__":
    for _, pid in as_done(own_number, [0.0, 0.0, 600.0, 600.0], 2):
        print(pid, flush=True)
"""


def halved(number):
    if number == 4:
        raise InputError("4 is refused.")
    if number == 5:
        os._exit(7)
    return number / 2


class OddError(Exception):
    """Cannot be made again from its text, as many exceptions of other packages."""

    def __init__(self, text, more):
        super().__init__(text)


def odd(number):
    raise OddError("odd", number)


def own_number(pause):
    time.sleep(pause)
    return os.getpid()


def test_results_come_in_the_order_of_the_items():
    assert list(in_order(halved, [3, 1, 2], 2)) == [1.5, 0.5, 1.0]


def test_what_a_task_raises_and_a_death_are_told_and_the_others_are_done():
    found = dict(as_done(halved, [1, 4, 5, 6], 1))
    assert (found[0], found[3]) == (0.5, 3.0)
    assert str(found[1]) == "4 is refused."
    assert isinstance(found[2], WorkerDiedError)
    assert "7" in str(found[2])


def test_an_exception_that_does_not_travel_is_told_by_its_text():
    (result,) = dict(as_done(odd, [1], 1)).values()
    assert str(result) == "OddError: odd"


def test_a_process_does_so_many_items_and_no_more():
    pids = list(in_order(own_number, [0.0] * 3, 1, per_process=2))
    assert pids[0] == pids[1] != pids[2]


@pytest.mark.parametrize("sign", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_workers_end_with_the_process_that_they_work_for(tmp_path, sign):
    if not hasattr(signal, sign) or sys.platform == "win32":
        pytest.skip("This system has no such signal.")
    script = tmp_path / "owner.py"
    script.write_text(OWNER, encoding="utf-8")
    owner = subprocess.Popen(
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = {int(owner.stdout.readline()) for _ in range(2)}
    owner.send_signal(getattr(signal, sign))
    _, said = owner.communicate(timeout=20)
    end = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_alive, pids))
    assert said.count("Traceback") <= (sign == "SIGINT"), said  # the owner's own


def test_a_consumer_that_stops_early_leaves_no_worker():
    working = as_done(own_number, [0.0, 600.0], 2)
    _, pid = next(working)
    working.close()
    assert not is_alive(pid)
