"""Cases on a Dask cluster of two workers: few in flight, a second try elsewhere, and kills."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from case_files import make_case
from own_cluster import cluster_of_processes

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
import dask

from SlicePropagationLib import cluster as library
from SlicePropagationLib.cluster import IN_FLIGHT, as_done_on_cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with cluster_of_processes(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


def results(cluster, task, items, **options):
    """{number: result} of a task on items, once all workers that died are there again."""
    with distributed.Client(cluster.scheduler_address) as client:
        client.wait_for_workers(2, timeout=120)
    found = as_done_on_cluster(task, items, cluster.scheduler_address, **options)
    return dict(found)


def note(folder):
    """Leave a file that says which process began; returns how many there are."""
    name = f"{time.monotonic_ns()}-{os.getpid()}"
    (Path(folder) / name).touch()
    return len(list(Path(folder).iterdir()))


def fail_first(folder):
    """Fails on the process that tries it first."""
    if note(folder) == 1:
        raise OSError("the folder of images is not there")
    return os.getpid()


def fail_always(folder):
    note(folder)
    raise OSError("the folder of images is not there")


def die_first(folder):
    """Kills its process at the first try."""
    if note(folder) == 1:
        os._exit(9)
    return "done"


def die_always(folder):
    note(folder)
    os._exit(9)


def double(number):
    return 2 * number


def test_all_items_are_done_and_few_are_in_flight_at_a_time(cluster, monkeypatch):
    handed = []
    submit = distributed.Client.submit

    def count(client, *arguments, **options):
        handed.append(sum(not future.done() for future in list(flying)))
        future = submit(client, *arguments, **options)
        flying.append(future)
        return future

    flying = []
    monkeypatch.setattr(distributed.Client, "submit", count)
    assert results(cluster, double, range(40)) == {number: 2 * number for number in range(40)}
    assert max(handed) < 2 * IN_FLIGHT


def test_an_item_that_fails_is_tried_once_more_on_the_other_worker(cluster, tmp_path):
    found = results(cluster, fail_first, [str(tmp_path)])
    first = min(tmp_path.iterdir(), key=lambda path: int(path.name.partition("-")[0]))
    assert isinstance(found[0], int)
    assert found[0] != int(first.name.partition("-")[2])


def test_an_item_that_fails_twice_is_told_and_the_others_are_done(cluster, tmp_path):
    found = results(cluster, fail_always, [str(tmp_path)])
    assert "is not there" in str(found[0])
    assert len(list(tmp_path.iterdir())) == 2


def test_what_fails_is_for_the_caller_to_say(cluster, tmp_path):
    assert results(cluster, double, [1], is_failed=lambda result: result == 2) == {0: 2}


def test_a_killed_worker_costs_no_item(cluster, tmp_path):
    found = results(cluster, die_first, [str(tmp_path)])
    assert found == {0: "done"}


def test_a_result_that_went_with_its_worker_is_made_again(cluster, tmp_path):
    folders = [tmp_path / name for name in "ab"]  # handed out together, also to one worker
    for folder in folders:
        folder.mkdir()
    coming = as_done_on_cluster(
        note, [str(folder) for folder in folders], cluster.scheduler_address
    )
    first, times = next(coming)
    other = 1 - first
    until = time.monotonic() + 60
    while not any(folders[other].iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # it is done, and waits on its worker until it is asked for
    for process in cluster.worker_processes():
        os.kill(process, signal.SIGKILL)
    time.sleep(0.5)
    assert times == 1
    assert dict(coming) == {other: 2}


def test_an_item_that_kills_its_workers_is_told_and_the_others_are_done(cluster, tmp_path):
    found = results(cluster, die_always, [str(tmp_path)])
    assert isinstance(found[0], distributed.KilledWorker)
    assert results(cluster, double, [3]) == {0: 6}


def test_a_scheduler_that_is_gone_is_named_with_how_to_go_on():
    lost = SimpleNamespace(status="cancelled")
    with pytest.raises(ConfigError, match=r"tcp://x does not answer any more; .* --resume"):
        library._taken(lost, "tcp://x", "this command with --resume")


def test_a_cluster_without_workers_is_said_once_and_work_goes_on_when_one_comes(
    monkeypatch, caplog
):
    monkeypatch.setattr(library, "MISSED_S", 0.2)
    monkeypatch.setattr(library, "LOOK_S", 0.1)
    options = {"n_workers": 0, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options, processes=False) as cluster:
        address = cluster.scheduler_address

        def said():
            records = [each for each in caplog.records if each.name == library.log.name]
            return [record.getMessage().partition(";")[0] for record in records]

        def come():
            until = time.monotonic() + 60
            while not said() and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(0.5)
            cluster.scale(1)

        threading.Thread(target=come).start()
        assert dict(as_done_on_cluster(double, range(3), address)) == {0: 0, 1: 2, 2: 4}
    assert said() == [f"The Dask scheduler at {address} has no worker"]


CASES = 16
KILLED = """
import os, signal, sys
from SlicePropagationLib.commands.main import main
from SlicePropagationLib import cluster
taken = cluster._taken
results = []
def take(*arguments):
    results.append(taken(*arguments))
    if len(results) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return results[-1]
cluster._taken = take
sys.exit(main(sys.argv[1:]))
"""


def started(folder, *words):
    """A Python program that ends with the test that started it."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment |= {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, **silent)


@contextlib.contextmanager
def own_cluster(folder):
    """A scheduler and two workers that may be killed: (address, scheduler's process)."""
    known = folder / "scheduler.json"
    quiet = ["--no-dashboard"]
    words = ["--port", "0", "--scheduler-file", str(known), *quiet]
    processes = [started(folder, "-m", "distributed.cli.dask_scheduler", *words)]
    try:
        while not (known.exists() and known.stat().st_size):  # written whole a moment later
            assert processes[0].poll() is None, "the scheduler did not start"
            time.sleep(0.05)
        address = json.loads(known.read_text(encoding="utf-8"))["address"]
        words = [address, "--nthreads", "1", "--no-nanny", *quiet]
        processes += [started(folder, "-m", "distributed.cli.dask_worker", *words) for _ in "ab"]
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, processes[0]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
def after_two(monkeypatch):
    """A function that has something done when two results have come: the others are not all out."""
    taken = library._taken

    def register(act):
        results = []

        def take(*arguments):
            results.append(taken(*arguments))
            if len(results) == 2:
                act()
            return results[-1]

        monkeypatch.setattr(library, "_taken", take)

    return register


def killed_one_after_the_other(words, folder, cluster, capsys, after_two, finished, least):
    """Run a command to its end, in spite of the deaths of its client, scheduler and a worker.

    Returns what `finished()` said before the last run: the cases that were done by then, `least`
    at the least.
    """
    client = started(folder, "-c", KILLED, *words, cluster.scheduler_address)
    assert client.wait(300) == -signal.SIGKILL

    with own_cluster(folder) as (address, scheduler):
        after_two(lambda: (scheduler.kill(), scheduler.wait()))
        with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
            assert main([*words, address]) == 2
    assert "does not answer any more" in capsys.readouterr().err

    before = finished()
    assert least <= len(before) < CASES
    victim = cluster.worker_processes()[0]
    after_two(lambda: os.kill(victim, signal.SIGKILL))
    assert main([*words, cluster.scheduler_address]) == 0
    assert len(finished()) == CASES
    return before


def test_a_batch_goes_on_after_client_scheduler_and_worker_were_killed(
    cluster, tmp_path, capsys, after_two
):
    make_case(tmp_path)
    rows = [f"image.nii.gz,seed.nii.gz,p{number}.nii.gz" for number in range(CASES)]
    (tmp_path / "cases.csv").write_text("\n".join(["image,seed,out", *rows]), encoding="utf-8")
    out = tmp_path / "out"
    words = ["batch", "--cases", str(tmp_path / "cases.csv"), "--out", str(out)]
    words += ["--engine", "copy", "--no-pictures", "--quiet", "--resume", "--scheduler"]

    def finished():
        return {path: path.read_bytes() for path in out.glob("*.done.json")}

    killed = (words, tmp_path, cluster, capsys, after_two, finished)
    before = killed_one_after_the_other(*killed, least=4)  # two of each run
    assert len(list(out.glob("p*.nii.gz"))) == CASES
    assert finished() == finished() | before
    assert (out / "manifest.csv").read_text(encoding="utf-8").count("already done") == len(before)


def test_an_evaluation_goes_on_after_client_scheduler_and_worker_were_killed(
    cluster, tmp_path, capsys, after_two
):
    make_case(tmp_path)
    rows = [f"image.nii.gz,truth.nii.gz,val,drift,p{number}" for number in range(CASES)]
    table = "\n".join(["image,label,split,dataset,case", *rows])
    (tmp_path / "cases.csv").write_text(table, encoding="utf-8")
    out = tmp_path / "out"
    words = ["evaluate", "--cases", str(tmp_path / "cases.csv"), "--out", str(out)]
    words += ["--engines", "copy", "--shots", "1", "--quiet", "--scheduler"]

    def finished():
        with open(out / "rows.csv", encoding="utf-8", newline="") as file:
            return {row["case"]: row for row in csv.DictReader(file)}

    killed = (words, tmp_path, cluster, capsys, after_two, finished)
    # the client writes the rows, and dies before that of the second case
    before = killed_one_after_the_other(*killed, least=2)
    assert finished() == finished() | before  # the time that each took, too
