"""The inputs of the development cases, and a limit to how long a test of them may take."""

import signal

import pytest

LIMIT_S = 120


@pytest.fixture
def case(tmp_path):
    """Writes the inputs of a case by its name; returns their folder."""
    pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
    pytest.importorskip("pydicom", reason="needs pydicom, the extra 'test'")
    from write_cases import write_case

    return lambda name: write_case(name, tmp_path)


@pytest.fixture(autouse=True)
def limited():
    """A test that hangs fails; where there is no alarm, it hangs."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise TimeoutError(f"The test took more than {LIMIT_S} s.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
