"""Cases shared by processes of several GPUs and machines, which Lightning Fabric starts or finds.

Every process learns what all of them found, in the order of the cases, and comes to the same tables;
the first one writes them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from SlicePropagationLib.errors import ConfigError

if TYPE_CHECKING:
    from SlicePropagationLib.evaluation.request import EvaluateRequest

Item = TypeVar("Item")
Found = TypeVar("Found")
LONGEST_CASE = timedelta(days=2)  # for which the processes wait for one of them


def shared(
    task: Callable[[Item], Found],
    items: Sequence[Item],
    request: EvaluateRequest,
) -> Iterator[tuple[Item, Found]]:
    """Do a task on each item, so many at a time as there are processes.

    Args:
        task: what it returns has to be picklable.
        items: the same in all processes.
        request: says how many processes there are.

    Yields:
        (item, what the task returned) in order, in every process.

    Raises:
        ConfigError: another process died.
    """
    rank, size = _join(request)
    for first in range(0, len(items), size):
        part = items[first : first + size]
        found = _gathered(task(part[rank]) if rank < len(part) else None, size)
        yield from zip(part, found, strict=False)


def is_first() -> bool:
    """Whether this process is the one that writes: the first, or the only one."""
    fabric = sys.modules.get("lightning.fabric.utilities.rank_zero")
    return fabric is None or not _is_joined() or fabric.rank_zero_only.rank == 0


def _join(request: EvaluateRequest) -> tuple[int, int]:
    """(number of this process, how many there are); the others are started where they are not."""
    import torch
    from lightning.fabric import Fabric
    from lightning.fabric.strategies.ddp import DDPStrategy

    has_gpu = request.device != "cpu" and torch.cuda.is_available()
    strategy: Any = DDPStrategy(process_group_backend="gloo", timeout=LONGEST_CASE)
    fabric = Fabric(
        accelerator="cuda" if has_gpu else "cpu",
        devices=request.devices,
        num_nodes=request.nodes,
        strategy=strategy,
    )
    for name in ("lightning.fabric", "lightning.pytorch"):  # they tell each step of the start
        logging.getLogger(name).setLevel(logging.WARNING)
    fabric.launch()
    if has_gpu:
        torch.cuda.set_device(fabric.device)  # what engines find as "cuda"
    return fabric.global_rank, fabric.world_size


def _gathered(own: Any, size: int) -> list[Any]:
    from torch import distributed

    found: list[Any] = [None] * size
    try:
        distributed.all_gather_object(found, own)
    except RuntimeError as error:
        raise ConfigError(
            f"One of the {size} processes died, perhaps for lack of memory; give fewer --devices,"
            " and the same command goes on."
        ) from error
    return found


def _is_joined() -> bool:
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and torch.distributed.is_available()
        and torch.distributed.is_initialized()
    )
