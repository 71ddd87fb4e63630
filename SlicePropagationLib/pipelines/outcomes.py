"""What became of each case of many, and how cases are done by other processes or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from SlicePropagationLib.cluster import as_done_on_cluster
from SlicePropagationLib.engines.device import one_thread
from SlicePropagationLib.errors import in_one_line
from SlicePropagationLib.workers import as_done

# A fresh process now and then, so that nothing a library leaks adds up.
CASES_PER_PROCESS = 20


@dataclass(frozen=True)
class Outcome:
    """What became of one case.

    Attributes:
        name: its output.
        error: None when it worked.
        is_skipped: whether it had been done before.
        step, num_steps: progress, "case `step` of `num_steps`", in the order of being finished.
    """

    name: str
    error: str | None = None
    is_skipped: bool = False
    step: int = 0
    num_steps: int = 0


class HasOut(Protocol):
    """What is done to one image."""

    @property
    def out(self) -> Any:
        """Its output."""
        ...


Case = TypeVar("Case", bound=HasOut)


class Overview(Protocol):
    """What is kept of all cases, such as a `BatchManifest`."""

    def add(self, out: str, error: str | None, *, is_skipped: bool) -> None:
        """Take a case in."""

    def write(self) -> None:
        """Have it in its file."""


def kept(outcomes: Iterator[Outcome], overview: Overview) -> Iterator[Outcome]:
    """Keep an overview of what is done; it is whole also when the batch is interrupted."""
    try:
        for outcome in outcomes:
            overview.add(outcome.name, outcome.error, is_skipped=outcome.is_skipped)
            yield outcome
    finally:
        overview.write()


def numbered(outcomes: Iterator[Outcome], count: int) -> Iterator[Outcome]:
    """The outcomes of so many cases, each with its step."""
    for step, outcome in enumerate(outcomes, 1):
        yield replace(outcome, step=step, num_steps=count)


def on_processes(
    do: Callable[[Case], Outcome], cases: Sequence[Case], workers: int
) -> Iterator[Outcome]:
    """Outcomes of cases on workers; one whose worker died is tried once more, by itself.

    Args:
        do: a function at the top of a module.
        cases: what is done.
        workers: how many processes.
    """
    options: dict[str, Any] = {"prepare": one_thread, "per_process": CASES_PER_PROCESS}
    died = []
    for number, outcome in as_done(do, cases, workers, **options):
        if isinstance(outcome, Outcome):
            yield outcome
        else:
            died.append(cases[number])
    for number, outcome in as_done(do, died, 1, prepare=one_thread, per_process=1):
        yield outcome if isinstance(outcome, Outcome) else _died(died[number], outcome)


def on_cluster(
    do: Callable[[Case], Outcome], cases: Sequence[Case], scheduler: str
) -> Iterator[Outcome]:
    """Outcomes of cases on a cluster; one that failed was tried on two workers, where it has two.

    Args:
        do: a function at the top of a module that the workers have.
        cases: what is done.
        scheduler: address.

    Raises:
        ConfigError: as `as_done_on_cluster` says.
    """
    again = "this command with --resume"
    for number, outcome in as_done_on_cluster(do, cases, scheduler, is_failed, again=again):
        yield outcome if isinstance(outcome, Outcome) else _died(cases[number], outcome)


def is_failed(outcome: Outcome | Exception) -> bool:
    """Whether a case was not done: its own error, or that of the worker that it ran on."""
    return isinstance(outcome, Exception) or outcome.error is not None


def _died(case: HasOut, error: Exception) -> Outcome:
    return Outcome(
        str(case.out),
        f"{in_one_line(error)} Perhaps there was not enough memory; run this case alone or with"
        " fewer workers.",
    )
