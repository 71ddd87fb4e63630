"""Cases of a list that several annotators share: one has a case, and whoever lost it writes nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from SlicePropagationLib.files import claim_file
from SlicePropagationLib.files.claims import ClaimedError, Claims, Heartbeat, LostClaimError

CHECKOUT = Path(__file__).resolve().parents[3]
# A program that claims a case, says so, and gives signs of life until it is killed. The third word
# says where it counts its processes, as if it ran on that machine.
PROGRAM = """
import sys, time
from SlicePropagationLib.files import claim_file
from SlicePropagationLib.files.claims import Claims, Heartbeat
if sys.argv[3]:
    claim_file.namespace = lambda: sys.argv[3]
claims = Claims(sys.argv[1], sys.argv[2])
claims.take("p1")
heartbeat = Heartbeat(claims, 0.05)
print("has it", flush=True)
time.sleep(60)
"""

# A program that claims one case after the other, each at a moment that it is told, and says whether
# it got it.
RACER = """
import sys, time
from SlicePropagationLib.files.claims import ClaimedError, Claims
claims = Claims(sys.argv[1], sys.argv[2])
print("ready", flush=True)
for number, moment in enumerate(sys.stdin):
    while time.time() < float(moment):
        pass
    try:
        claims.take(f"p{number}")
        print("got it", flush=True)
    except ClaimedError:
        print("refused", flush=True)
"""


@pytest.fixture
def anna(tmp_path):
    return Claims(tmp_path / "shared", "anna")


@pytest.fixture
def start(tmp_path):
    """`start(owner, where)`: another process that has p1; it is killed at the end."""
    started = []

    def start(owner, where=""):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "shared"), owner, where],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        )
        started.append(process)
        assert process.stdout and process.stdout.readline() == "has it\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def ben(tmp_path, **options):
    return Claims(tmp_path / "shared", "ben", **options)


class Clock:
    """Goes on by a second whenever it is asked."""

    def __init__(self, step=1.0):
        self.time = 0.0
        self.step = step

    def __call__(self):
        self.time += self.step
        return self.time


def of_another_machine(monkeypatch, claims, case):
    """Claim a case as a program of another machine does, whose processes nobody here knows."""
    with monkeypatch.context() as patched:
        patched.setattr(claim_file, "namespace", lambda: "elsewhere")
        claims.take(case)


def test_a_case_that_somebody_has_is_refused_with_who_and_since_when(anna, tmp_path):
    anna.take("p1")
    since = json.loads((tmp_path / "shared" / "p1.claim").read_text(encoding="utf-8"))["since"]
    with pytest.raises(ClaimedError, match=rf"^anna \(on .*\) has had p1 open since {since};"):
        ben(tmp_path).take("p1")
    ben(tmp_path).take("p2")
    assert list(ben(tmp_path).others()) == ["p1", "p2"]


def test_a_case_that_is_released_can_be_claimed(anna, tmp_path):
    anna.take("p1")
    anna.release("p1")
    ben(tmp_path).take("p1")
    assert list(anna.others()) == ["p1"]


def test_one_of_many_programs_gets_a_case(tmp_path):
    programs = [Claims(tmp_path / "shared", f"a{number}") for number in range(16)]
    got = []

    def try_it(claims):
        try:
            claims.take("p1")
            got.append(claims.owner)
        except ClaimedError:
            pass

    threads = [threading.Thread(target=try_it, args=(claims,)) for claims in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["p1.claim"]


@pytest.mark.parametrize("was_of_the_dead", [False, True])
def test_of_several_processes_that_race_for_a_case_one_gets_it(was_of_the_dead, tmp_path):
    folder, num_cases = tmp_path / "shared", 50
    if was_of_the_dead:  # whose claims one of them takes over
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        folder.mkdir()
        for number in range(num_cases):
            claim = replace(claim_file.Claim.of_this_process("gone"), process=gone.pid)
            claim_file.create_claim(folder / f"p{number}.claim", claim)
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    words = [sys.executable, "-c", RACER, str(folder)]
    racers = [subprocess.Popen([*words, name], env=environment, **options) for name in "abcd"]
    said = []
    try:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 4
        for _ in range(num_cases):
            moment = time.time() + 0.005
            for racer in racers:
                print(moment, file=racer.stdin, flush=True)
            said.append([racer.stdout.readline() for racer in racers])
    finally:
        for racer in racers:
            racer.communicate()
    assert [sorted(each) for each in said] == [["got it\n", *["refused\n"] * 3]] * num_cases
    assert len(list(folder.iterdir())) == num_cases


def test_a_folder_without_links_has_claims_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("this file system has no links")

    monkeypatch.setattr(os, "link", refuse)
    first = Claims(tmp_path / "shared", "anna")
    first.take("p1")
    with pytest.raises(ClaimedError, match="anna"):
        ben(tmp_path).take("p1")
    first.check("p1")


def test_a_killed_program_of_this_machine_loses_its_case_at_once(start, tmp_path):
    other = start("anna")
    claims = ben(tmp_path)
    with pytest.raises(ClaimedError, match="anna"):
        claims.take("p1")
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert not claims.others()
    claims.take("p1")
    claims.check("p1")


def test_a_killed_program_of_another_machine_loses_its_case_when_it_is_quiet(start, tmp_path):
    other = start("anna", "elsewhere")
    path = tmp_path / "shared" / "p1.claim"
    signs = set()
    while len(signs) < 4:
        signs.add(path.stat().st_mtime_ns)
        time.sleep(0.02)
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    claims = ben(tmp_path, dead_s=0.3)
    with pytest.raises(ClaimedError, match="anna"):
        claims.take("p1")
    while claims.others():
        time.sleep(0.02)
    claims.take("p1")
    claims.check("p1")


def test_a_clock_that_is_wrong_says_nothing_about_life(anna, tmp_path, monkeypatch):
    of_another_machine(monkeypatch, anna, "p1")
    clock = Clock()
    claims = ben(tmp_path, dead_s=5, now=clock)
    path = tmp_path / "shared" / "p1.claim"
    for moment in (0, 4_000_000_000, 1, 3_000_000_000, 2, 2_000_000_000, 3):
        os.utime(path, (moment, moment))  # a sign of life, in years that cannot be
        assert list(claims.others()) == ["p1"]
    for _ in range(6):
        claims.others()
    assert not claims.others()


def test_a_machine_that_slept_did_not_look_on_meanwhile(anna, tmp_path, monkeypatch):
    of_another_machine(monkeypatch, anna, "p1")
    clock = Clock()
    claims = ben(tmp_path, now=clock)
    claims.others()
    clock.time += 8 * 3600
    assert list(claims.others()) == ["p1"]


def test_who_lost_a_case_while_it_slept_may_not_write_and_hears_why(anna, tmp_path, monkeypatch):
    of_another_machine(monkeypatch, anna, "p1")
    claims = ben(tmp_path, dead_s=5, now=Clock())
    while claims.others():
        pass
    claims.take("p1")
    anna.renew()
    assert "ben" in anna.lost["p1"]
    for _ in range(2):  # it stays lost
        with pytest.raises(LostClaimError, match=r"^ben .* has had p1 since .* no sign of life"):
            anna.check("p1")
    claims.check("p1")
    anna.release("p1")  # not what ben has
    claims.check("p1")


def test_two_programs_that_see_one_dead_claim_do_not_both_get_it(anna, tmp_path, monkeypatch):
    of_another_machine(monkeypatch, anna, "p1")
    first, second = (ben(tmp_path, dead_s=5, now=Clock()) for _ in range(2))
    for claims in (first, second):
        while claims.others():
            pass
    first.take("p1")
    with pytest.raises(ClaimedError, match="ben"):
        second.take("p1")
    first.check("p1")


def test_a_claim_shows_life_in_the_very_moment_before_it_is_taken_over(anna, tmp_path, monkeypatch):
    of_another_machine(monkeypatch, anna, "p1")
    claims = ben(tmp_path, dead_s=5, now=Clock())
    while claims.others():
        pass
    monkeypatch.setattr(claims, "_may_replace", lambda path, claim: anna.renew() or True)
    with pytest.raises(ClaimedError, match="anna"):
        claims.take("p1")
    anna.check("p1")


def test_who_saved_a_case_is_told_and_goes_on_with_it_while_nobody_else_has_it(anna, tmp_path):
    anna.take("p1")
    anna.release("p1", is_saved=True)
    assert ben(tmp_path).saved()["p1"].owner == "anna"
    anna.check("p1")
    with pytest.raises(ClaimedError, match="anna"):
        ben(tmp_path).take("p1")


def test_work_on_a_case_that_another_one_saved_meanwhile_is_not_written_over_it(anna, tmp_path):
    anna.take("p1")
    anna.release("p1", is_saved=True)
    other = ben(tmp_path)
    other.take("p1")
    with pytest.raises(LostClaimError, match="ben .* has had p1 open since"):
        anna.check("p1")
    anna.take("p2")
    anna.release("p2", is_saved=True)
    other.take("p2")
    other.release("p2", is_saved=True)
    with pytest.raises(LostClaimError, match="ben .* saved p2 at"):
        anna.check("p2")


def test_a_damaged_claim_is_somebodys_until_it_is_dead(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "p1.claim").write_text('{"owner": 3', encoding="utf-8")
    claims = ben(tmp_path, dead_s=5, now=Clock())
    with pytest.raises(ClaimedError, match="somebody"):
        claims.take("p1")
    while claims.others():
        pass
    claims.take("p1")


def test_a_heartbeat_gives_signs_of_life_and_releases_at_its_end(anna, tmp_path):
    anna.take("p1")
    path = tmp_path / "shared" / "p1.claim"
    os.utime(path, (1, 1))
    heartbeat = Heartbeat(anna, 0.01)
    while path.stat().st_mtime == 1:
        time.sleep(0.01)
    heartbeat.end()
    assert not path.exists()
