"""The curves of `benchmark_scale.py`: efficiency over workers, and memory over cases."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

BLUE, ORANGE, FAINT, GRID = "#0072B2", "#D55E00", "#667079", "#E3E6EA"
GOAL = 0.9
INCHES = (4.2, 3.2)  # of one of them


class Efficiency(NamedTuple):
    """The share of their time that so many workers spent in cases."""

    num_workers: int
    share: float


class Memory(NamedTuple):
    """What two programs held when so many cases were done."""

    num_done: int
    client_mb: float
    scheduler_mb: float


def draw_curves(
    path: Path, shares: Sequence[Efficiency], memories: Sequence[Memory], sleep_s: float
) -> None:
    """Write the curves that were measured side by side.

    Args:
        path: of the picture; its ending says the kind.
        shares: by number of workers; may be empty.
        memories: over a run; may be empty.
        sleep_s: how long each task took.
    """
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "scale"  # the same curves are the same file
    from matplotlib import pyplot

    count = bool(shares) + bool(memories)
    if not count:
        return
    size = (count * INCHES[0], INCHES[1])
    figure, panels = pyplot.subplots(1, count, figsize=size, layout="constrained", squeeze=False)
    if shares:
        _draw_shares(panels[0, 0], shares, sleep_s)
    if memories:
        _draw_memories(panels[0, -1], memories)
    for axes in panels.flat:
        axes.grid(color=GRID)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_shares(axes, shares: Sequence[Efficiency], sleep_s: float) -> None:
    workers = [each.num_workers for each in shares]
    axes.plot(workers, [100 * each.share for each in shares], "o-", color=BLUE)
    axes.axhline(100 * GOAL, color=FAINT, linestyle="--", linewidth=1)
    place = {"xycoords": ("axes fraction", "data"), "va": "top"}
    axes.annotate("goal", (0.02, 100 * GOAL - 1), color=FAINT, **place)
    axes.set_xscale("log", base=2)
    axes.set_xticks(workers, workers)
    axes.set_ylim(0, 103)
    axes.set_xlabel("workers")
    axes.set_title(f"Time in cases of {sleep_s:g} s, %", fontsize=10, loc="left")


def _draw_memories(axes, memories: Sequence[Memory]) -> None:
    done = [each.num_done for each in memories]
    for name, color in (("client", BLUE), ("scheduler", ORANGE)):
        values = [getattr(each, f"{name}_mb") for each in memories]
        axes.plot(done, values, "o-", color=color, label=name)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("cases done")
    axes.set_title("Memory, MB", fontsize=10, loc="left")
    axes.legend(frameon=False)
