"""`on_one_thread`: PyTorch on one thread of the CPU, as long as a small network is at work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_inside = 0  # how many are at work
_before = 1  # threads that PyTorch had before the first of them


@contextmanager
def on_one_thread() -> Iterator[None]:
    """PyTorch computes on one thread within this, and on as many as before after it.

    Threads of PyTorch that wait for their next small task keep the cores busy, and those of NumPy's
    matrix products, which come between two slices, wait for the cores: on two cores a walk takes
    twice as long then. What else PyTorch does meanwhile, in other threads of the program, has one
    thread each, too.
    """
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = torch.get_num_threads()
            torch.set_num_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                torch.set_num_threads(_before)
