"""Cases on a Dask cluster of two workers: few in flight, a second try elsewhere, and kills."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from SlicePropagationLib.errors import ConfigError

distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
import dask

from SlicePropagationLib.pipelines import batch_cluster
from SlicePropagationLib.pipelines.batch_cluster import IN_FLIGHT, as_done_on_cluster


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
    ):
        yield cluster


def results(cluster, task, items, **options):
    """{number: result} of a task on items."""
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


def test_an_item_that_kills_its_workers_is_told_and_the_others_are_done(cluster, tmp_path):
    found = results(cluster, die_always, [str(tmp_path)])
    assert isinstance(found[0], distributed.KilledWorker)
    assert results(cluster, double, [3]) == {0: 6}


def test_a_scheduler_that_is_gone_is_named_with_how_to_go_on():
    lost = SimpleNamespace(status="cancelled")
    with pytest.raises(ConfigError, match=r"tcp://x does not answer any more; .* --resume"):
        batch_cluster._taken(lost, "tcp://x")
