"""What many cases cost beside the propagation itself: overhead, memory, time to resume.

    python Testing/Benchmarks/benchmark_scale.py [--cases 40] [--workers 1,2,4] [--sleep 1]
        [--tasks 4] [--done 1000] [--picture FILE.svg]

Three parts, each with a scheduler in a process of its own:

- `--cases N`: so many small cases, which the workers make up and propagate through, on two real
  workers, by `batch` itself;
- `--workers 1,2,4,...`: so many Dask workers in one process, whose tasks sleep `--sleep` seconds and
  return an outcome of real size, `--tasks` for each worker. What is measured is what Dask and `batch`
  take, not a propagation. The efficiency at 10 s a case is computed from the overhead of each task;
- `--handed N`: so many cases that nothing is done for, by `batch` on two such workers: memory over
  the run;
- `--done N`: how long `batch --resume` takes to pass over N cases that are done.

A part is left out with 0. Memory is the proportional set size (Linux). `--picture` draws the curves
of the parts with tasks that sleep and with cases that nothing is done for.
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

BENCHMARKS = Path(__file__).resolve().parent
CHECKOUT = BENCHMARKS.parents[1]
sys.path.insert(0, str(CHECKOUT))

from scale_curves import Efficiency, Memory, draw_curves

from SlicePropagationLib.cluster import as_done_on_cluster
from SlicePropagationLib.commands.batch_progress import BatchProgress, all_told
from SlicePropagationLib.pipelines import batch, outcomes
from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
from SlicePropagationLib.pipelines.batch_manifest import MANIFEST
from SlicePropagationLib.pipelines.outcomes import Outcome
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest

SHAPE = (12, 40, 40)
GOAL_S = 10.0  # of a case, for which the efficiency is computed
ENGINE = "registration"
HOST = "--host-workers"  # how this file is started to hold workers that sleep
PATIENCE_S = 600  # for processes to start and to end, also on a busy machine


class Cluster(NamedTuple):
    """A scheduler and workers in processes of their own."""

    address: str
    scheduler: subprocess.Popen


def memory_mb(process: int | None = None) -> float:
    """Proportional set size of a process; NaN where the system does not tell it."""
    path = Path(f"/proc/{process or 'self'}/smaps_rollup")
    with contextlib.suppress(OSError):
        lines = path.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return float("nan")


def processor_s(process: int | None = None) -> float:
    """Time that a process has had of a processor; NaN where the system does not tell it."""
    path = Path(f"/proc/{process or 'self'}/stat")
    with contextlib.suppress(OSError):
        fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return float("nan")


@contextlib.contextmanager
def cluster(folder: Path, commands: list[list[str]], num_workers: int) -> Iterator[Cluster]:
    """A scheduler, and the workers that some commands start, until the end of the block."""
    from dask.distributed import Client

    known = folder / "scheduler.json"
    known.unlink(missing_ok=True)
    words = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", str(known)]
    processes = [start([*words, "--no-dashboard", "--no-show"], folder)]
    try:
        while not (known.exists() and known.stat().st_size):  # written whole a moment later
            time.sleep(0.1)
        address = json.loads(known.read_text(encoding="utf-8"))["address"]
        processes += [start([*command, address], folder) for command in commands]
        with Client(address) as client:
            client.wait_for_workers(num_workers, timeout=PATIENCE_S)
        yield Cluster(address, processes[0])
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(PATIENCE_S)


def start(words: list[str], folder: Path) -> subprocess.Popen:
    """A Python process that says nothing, and finds this module."""
    paths = {
        "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, BENCHMARKS))),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, **paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def by_name(task):
    """A function of this file as workers import it.

    One of the program that was started is sent whole with each case, and stays in the scheduler's
    log of messages; those of `batch` are a name there.
    """
    import benchmark_scale

    return getattr(benchmark_scale, task.__name__)


# Real workers


def make_case(image: Path, seed: Path, number: int) -> None:
    """A disc that wanders, and its outline on one slice."""
    random = np.random.default_rng(number)
    rows, columns = np.mgrid[: SHAPE[1], : SHAPE[2]]
    middle = random.uniform(15, 25, 2)
    voxels = random.normal(0, 6, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    for index in range(1, SHAPE[0] - 1):
        inside = np.hypot(rows - middle[0] - index / 4, columns - middle[1]) < 8
        voxels[index][inside] += 90
        if index == SHAPE[0] // 2:
            labels[index] = inside
    for path, array in ((image, voxels.astype(np.int16)), (seed, labels)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(path), True)


def made_up(case: PropagateRequest) -> Outcome:
    """Make a case up and do it, as a worker; notes how long it took."""
    began = time.perf_counter()
    image = Path(case.image)
    make_case(image, Path(case.seed), int(image.name.partition(".")[0]))
    outcome = batch.do_case(case)
    with open(image.parent / f"{os.getpid()}.seconds", "a", encoding="utf-8") as file:
        file.write(f"{time.perf_counter() - began}\n")
    return outcome


def warm_up(_: int) -> None:
    """Import what a case needs, which is done once in each worker."""
    from SlicePropagationLib.pipelines.kept_engine import kept_engine

    kept_engine(ENGINE, "cpu", [])
    time.sleep(1)  # so that the other worker does one, too


def write_table(folder: Path, count: int, image: str = "{}.nii.gz") -> Path:
    """A table of so many cases."""
    path = folder / "cases.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "seed", "out"])
        for number in range(count):
            own = image.format(number)
            rows.writerow([own, f"seed_{own}", f"out_{number}.nii.gz"])
    return path


def real_workers(folder: Path, count: int) -> None:
    """`batch` of made-up cases on two workers."""
    table = write_table(folder, count)
    worker = ["-m", "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard"]
    with cluster(folder, [worker] * 2, 2) as found:
        request = BatchRequest(table, folder / "out", ENGINE, scheduler=found.address)
        list(as_done_on_cluster(by_name(warm_up), range(4), found.address))
        print(f"\n{count} cases, two workers; memory over the run")
        began = time.perf_counter()
        with replaced_task(by_name(made_up)), BatchProgress(request, is_quiet=True) as progress:
            tally = all_told(watched(run_batch(request, progress), count, found), progress)
        wall_s = time.perf_counter() - began
    assert not tally.failed, tally.failed[0]
    files = folder.glob("*.seconds")
    worked_s = sum(sum(map(float, path.read_text().split())) for path in files)
    manifest = folder / "out" / MANIFEST
    print(f"  in all                  {wall_s:8.1f} s, {count / wall_s:.2f} cases a second")
    print(f"  in the tasks            {worked_s:8.1f} s, {worked_s / count:.3f} s a case")
    print(f"  overhead a case         {(2 * wall_s - worked_s) / count:8.3f} s of a worker")
    size = manifest.stat().st_size
    print(f"  manifest                {size / 1e6:8.2f} MB, {size / count:.0f} bytes a case")


def watched(outcomes: Iterator, count: int, found: Cluster, rows: list | None = None) -> Iterator:
    """What comes, and at every tenth of it a line of what client and scheduler hold."""
    print("     done    wall s  client MB  scheduler MB")
    moments = {count * tenth // 10 for tenth in range(11)}
    began = time.perf_counter()
    for done, outcome in enumerate(chain([None], outcomes)):
        if done in moments:
            memory = Memory(done, memory_mb(), memory_mb(found.scheduler.pid))
            wall_s = time.perf_counter() - began
            print(f"  {done:7d} {wall_s:9.1f} {memory.client_mb:10.0f} {memory.scheduler_mb:13.0f}",
                  flush=True)  # fmt: skip
            if rows is not None:
                rows.append(memory)
        if done:
            yield outcome


@contextlib.contextmanager
def replaced_task(task) -> Iterator[None]:
    """`batch` hands out another task meanwhile."""
    own = outcomes.as_done_on_cluster
    outcomes.as_done_on_cluster = lambda _, *arguments, **options: own(task, *arguments, **options)
    try:
        yield
    finally:
        outcomes.as_done_on_cluster = own


# Workers that sleep


def sleep(seconds: float) -> Outcome:
    """What stands in for a case: nothing is computed, and an outcome comes back."""
    time.sleep(seconds)
    return Outcome("/shared/results/" + "patient_0000/" * 4 + "labels.nii.gz")


async def hold_workers(count: int, address: str) -> None:
    """Keep so many workers in this process until it is ended.

    Without Dask's profiler: that of each worker would look at the threads of all the others, which
    on machines of their own they do not have.
    """
    import dask
    from dask.distributed import Worker

    dask.config.set({"distributed.worker.profile.enabled": False})
    options = {"nthreads": 1, "memory_limit": 0, "dashboard": False}
    workers = [Worker(address, name=str(number), **options) for number in range(count)]
    await asyncio.gather(*workers)
    await asyncio.gather(*(worker.finished() for worker in workers))


def sleeping_workers(
    folder: Path, counts: list[int], sleep_s: float, tasks: int
) -> list[Efficiency]:
    """Efficiency of so many workers, whose tasks sleep."""
    rows = []
    print(f"\n{tasks} tasks a worker that sleep {sleep_s:g} s")
    print("                                                          client        scheduler")
    print(
        "  workers   tasks   wall s   efficiency  at 10 s (model)    MB  ms a task    MB  ms a task"
    )
    for count in counts:
        with cluster(folder, [hosting(count)], count) as found:
            # warms up, as long as the others: by it the scheduler tells how long a task takes
            list(as_done_on_cluster(by_name(sleep), [sleep_s] * count, found.address))
            items = [sleep_s] * (tasks * count)
            processes = (None, found.scheduler.pid)
            began, busy = time.perf_counter(), [processor_s(own) for own in processes]
            done = as_done_on_cluster(by_name(sleep), items, found.address)
            assert all(isinstance(outcome, Outcome) for _, outcome in done)
            wall_s = time.perf_counter() - began
            costs = [
                (memory_mb(own), 1000 * (processor_s(own) - before) / len(items))
                for own, before in zip(processes, busy, strict=True)
            ]
        overhead_s = wall_s / tasks - sleep_s
        rows.append(Efficiency(count, sleep_s * tasks / wall_s))
        print(
            f"  {count:7d} {len(items):7d} {wall_s:8.2f} {rows[-1].share:11.1%}"
            f" {GOAL_S / (GOAL_S + overhead_s):15.1%} "
            + "".join(f" {memory:6.0f} {own_ms:9.1f}" for memory, own_ms in costs),
            flush=True,
        )
    return rows


def hosting(count: int) -> list[str]:
    """The command of a process with so many workers."""
    return [str(Path(__file__).resolve()), HOST, str(count)]


# Cases that nothing is done for


def at_once(case: PropagateRequest) -> Outcome:
    """What stands in for a case: as large as one on its way to a worker and back."""
    return Outcome(str(case.out))


def handed_out(folder: Path, count: int) -> list[Memory]:
    """What client and scheduler hold over so many cases, two workers."""
    table = write_table(folder, count, "patient_{:06d}.nii.gz")
    rows: list[Memory] = []
    with cluster(folder, [hosting(2)], 2) as found:
        print(f"\n{count} cases that nothing is done for, two workers; memory over the run")
        request = BatchRequest(table, folder / "out", ENGINE, scheduler=found.address)
        with (
            replaced_task(by_name(at_once)),
            BatchProgress(request, is_quiet=True) as progress,
        ):
            tally = all_told(watched(run_batch(request, progress), count, found, rows), progress)
        assert tally.num_done == count, tally.failed[0]
    return rows


# Cases that are done


def copy_result(folder: Path, count: int) -> None:
    """The result of case 0, under the names of all the others."""
    out = folder / "out"
    record = (out / "out_0.json").read_text(encoding="utf-8")
    for number in range(1, count):
        for ending in (".nii.gz", ".slices.csv", ".done.json"):
            shutil.copyfile(out / f"out_0{ending}", out / f"out_{number}{ending}")
        text = record.replace('"out_0.', f'"out_{number}.')
        (out / f"out_{number}.json").write_text(text, encoding="utf-8")


def resume(folder: Path, count: int) -> None:
    """How long `batch --resume` takes to pass over cases that are done."""
    table = write_table(folder, count, "one.nii.gz")
    make_case(folder / "one.nii.gz", folder / "seed_one.nii.gz", 0)
    request = BatchRequest(table, folder / "out", ENGINE, resume=True)
    first = next(iter(run_batch(request)))
    assert not first.error and not first.is_skipped, first
    copy_result(folder, count)
    began, busy = time.perf_counter(), time.process_time()
    passed = list(islice(run_batch(replace(request)), count))
    seconds, busy_s = time.perf_counter() - began, time.process_time() - busy
    assert all(outcome.is_skipped for outcome in passed)
    size = (folder / "out" / MANIFEST).stat().st_size
    print(f"\n{count} cases that are done: {seconds:.1f} s to pass over, {1000 * seconds / count:.2f}"
          f" ms each ({busy_s:.1f} s of the processor); manifest {size / 1e6:.2f} MB")  # fmt: skip


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--workers", default="1,2,4")
    parser.add_argument("--sleep", type=float, default=1.0)
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--handed", type=int, default=0)
    parser.add_argument("--done", type=int, default=1000)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    counts = [int(word) for word in arguments.workers.split(",") if int(word)]
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / part for part in ("real", "sleeping", "done", "handed")]
        shares, memories = [], []
        for folder in folders:
            folder.mkdir()
        if arguments.done:
            resume(folders[2], arguments.done)
        if arguments.cases:
            real_workers(folders[0], arguments.cases)
        if counts:
            shares = sleeping_workers(folders[1], counts, arguments.sleep, arguments.tasks)
        if arguments.handed:
            memories = handed_out(folders[3], arguments.handed)
    if arguments.picture:
        draw_curves(arguments.picture, shares, memories, arguments.sleep)


if __name__ == "__main__":
    if sys.argv[1:2] == [HOST]:
        asyncio.run(hold_workers(int(sys.argv[2]), sys.argv[3]))
    else:
        main()
