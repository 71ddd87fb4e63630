"""A Dask cluster of processes in a program of its own.

So what else the test process runs, such as browsers and their event loops, does not matter to it.
"""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass

PROGRAM = """
import sys
import dask
import distributed

if __name__ == "__main__":
    dask.config.set({"distributed.scheduler.allowed-failures": 1})
    with distributed.LocalCluster(
        n_workers=int(sys.argv[1]), threads_per_worker=1, dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@dataclass(frozen=True)
class OwnCluster:
    """Where the scheduler is."""

    scheduler_address: str

    def worker_processes(self):
        """The numbers of the workers' processes."""
        import distributed

        with distributed.Client(self.scheduler_address) as client:
            return list(client.run(os.getpid).values())


@contextlib.contextmanager
def cluster_of_processes(folder, count):
    """An OwnCluster of `count` workers, which find the modules that this process finds."""
    program = folder / "cluster.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, str(program), str(count)]
    with subprocess.Popen(
        words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield OwnCluster(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait(timeout=60)
