"""Real MRML nodes on Slicer's own libraries, one scene a test."""

import pytest

pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

from mrml_bench import Bench


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    bench.logic.cleanup()
