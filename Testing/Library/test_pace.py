from SlicePropagationLib import pace
from SlicePropagationLib.pace import Pace


def pace_after(seconds, monkeypatch):
    monkeypatch.setattr(pace.time, "monotonic", lambda: 100.0)
    begun = Pace()
    monkeypatch.setattr(pace.time, "monotonic", lambda: 100.0 + seconds)
    return begun


def test_the_rate_and_the_time_left_go_on_as_they_did(monkeypatch):
    assert pace_after(60, monkeypatch).told(30, 40) == "30 a minute, 20 s left"


def test_what_is_slow_is_told_by_the_hour(monkeypatch):
    assert pace_after(3600, monkeypatch).told(6, 12) == "6.0 an hour, 60 min left"


def test_the_last_one_leaves_no_time(monkeypatch):
    assert pace_after(0, monkeypatch).told(1, 1).endswith(", 0 s left")
