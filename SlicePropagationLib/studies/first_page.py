"""The first page of a study's report: what was asked, the paper's figure, ours, and what follows.

Tables stand behind it. A statement of a paper is that one column is ahead of another; it holds
where the 95 % interval of the difference here lies above 0, does not where it lies below, and
otherwise it cannot be told. A paired test takes the interval's place where there is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from SlicePropagationLib.evaluation.statistics import FEWEST_PATIENTS, interval_of_mean
from SlicePropagationLib.studies.tables import markdown_table

FIGURE = "findings.png"
FINDINGS = "findings.json"
TABLES = "## Tables"
HOLDS = "holds"
DOES_NOT = "does not hold"
UNKNOWN = "cannot be told"
SIGNIFICANT = 0.05
IN_WORDS = {
    HOLDS: ("holds", "hold"),
    DOES_NOT: ("does not hold", "do not hold"),
    UNKNOWN: ("cannot be told", "cannot be told"),
}  # {verdict: (of one statement, of several)}
HEADER = ("statement of the paper", "by, in the paper", "by, here (95 % interval)", "verdict")


@dataclass(frozen=True)
class Claim:
    """A statement of a paper: one column is ahead of another.

    Attributes:
        ahead: the column that is better in the paper.
        behind: the other one.
        paper: by how much, as text; or what the paper has instead of a figure.
        measure: column of the rows.
        is_less_better: whether smaller values of the measure are better.
        unit: of the measure, as text; "Dice".
        scale: what a value is multiplied by to be in that unit.
    """

    ahead: str
    behind: str
    paper: str
    measure: str = "dice"
    is_less_better: bool = False
    unit: str = "Dice"
    scale: float = 1.0


class Score(NamedTuple):
    """One value of one column.

    Attributes:
        group: a data set, or one of its structures; groups weigh alike.
        patient: intervals are over patients.
        pair: what tells the values of a group apart; two columns are paired by it.
        value: NaN where there is none.
    """

    group: str
    patient: str
    pair: object
    value: float


@dataclass(frozen=True)
class Finding:
    """What was found about a statement.

    Attributes:
        statement: who is ahead of whom in the paper.
        paper: by how much, as text.
        ahead: by how much here; negative where it is behind; NaN where nothing was measured.
        low, high: 95 % interval of that; None for fewer than `statistics.FEWEST_PATIENTS` patients.
        p: of a paired test, where there is that and no interval.
        unit: of these three.
        where: the data set, or "" where there is one only.
    """

    statement: str
    paper: str
    ahead: float
    low: float | None
    high: float | None
    unit: str = "Dice"
    where: str = ""
    p: float | None = None

    @property
    def verdict(self) -> str:
        """`HOLDS`, `DOES_NOT` or `UNKNOWN`."""
        if self.p is not None and self.p < SIGNIFICANT:
            return HOLDS if self.ahead > 0 else DOES_NOT
        if self.low is None or self.high is None:
            return UNKNOWN
        if self.low > 0:
            return HOLDS
        return DOES_NOT if self.high < 0 else UNKNOWN

    @property
    def title(self) -> str:
        """The statement with its data set and its unit."""
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.statement} ({self.unit})"


class Part(NamedTuple):
    """What one part of a study gives to its report.

    Attributes:
        text: its tables.
        findings: what it found about the paper's statements.
    """

    text: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class FirstPage:
    """The page.

    Attributes:
        title: of the study.
        asked: the question, a sentence.
        how: on what it was measured and how long networks were trained, a sentence or two.
        findings: what was found about the paper's statements; none where it makes none.
        updates: {network: number of updates that it was trained with, as text}.
        mind: what must be known to read the verdicts, sentences; "" for nothing.
    """

    title: str
    asked: str
    how: str
    findings: tuple[Finding, ...] = ()
    updates: Mapping[str, str] = field(default_factory=dict)
    mind: str = ""

    def text(self) -> str:
        """The page in Markdown; the heading `TABLES` ends it."""
        parts = [f"# {self.title}\n", f"**Asked:** {self.asked}\n", f"**How:** {self.how}\n"]
        if self.updates:
            listed = "; ".join(f"{name} {number}" for name, number in self.updates.items())
            parts.append(f"**Updates of each network:** {listed}.\n")
        if self.findings:
            parts += [self._table(), f"{self._summary()}\n"]
            parts += [f"**Mind:** {self.mind}\n"] if self.mind else []
            parts.append(f"![{self._caption()}]({FIGURE})\n")
        else:
            parts.append("**Found:** the paper has no figure of it; see the tables.\n")
        return "\n".join([*parts, f"{TABLES}\n"])

    def _table(self) -> str:
        lines = []
        for found in self.findings:
            verdict = f"**{found.verdict}**"
            lines.append([found.title, found.paper, _amount(found), verdict])
        return markdown_table(HEADER, lines)

    def _summary(self) -> str:
        """The sentence that says how many statements hold."""
        verdicts = [found.verdict for found in self.findings]
        said = []
        for verdict, (of_one, of_more) in IN_WORDS.items():
            number = verdicts.count(verdict)
            if number:
                said.append(f"{number} {of_one if number == 1 else of_more}")
        noun = "statement" if len(verdicts) == 1 else "statements"
        return f"**Found:** of {len(verdicts)} {noun} {', '.join(said)}."

    def _caption(self) -> str:
        """What the figure shows; intervals only where a finding has one."""
        caption = "How far what is ahead in the paper is ahead here"
        has_intervals = any(found.low is not None for found in self.findings)
        return f"{caption}, with 95 % intervals over patients" if has_intervals else caption


def findings_of(
    claims: Iterable[Claim],
    scores_of: Callable[[str, str], Sequence[Score]],
    columns: Iterable[str],
    where: str = "",
) -> tuple[Finding, ...]:
    """What was found about each claim whose two columns were measured.

    Args:
        claims: of the paper.
        scores_of: gives the scores of a (column, measure).
        columns: that were measured.
        where: the data set, for the report.
    """
    measured = set(columns)
    found = []
    for claim in claims:
        if {claim.ahead, claim.behind} <= measured:
            first = scores_of(claim.ahead, claim.measure)
            second = scores_of(claim.behind, claim.measure)
            found.append(compare(claim, first, second, where))
    return tuple(found)


def compare(
    claim: Claim,
    ahead: Iterable[Score],
    behind: Iterable[Score],
    where: str = "",
) -> Finding:
    """The mean of the paired differences, groups weighing alike, with its interval over patients.

    Args:
        claim: of the paper.
        ahead: the scores of the column that is better in the paper.
        behind: those of the other one.
        where: the data set, for the report.
    """
    sign = -claim.scale if claim.is_less_better else claim.scale
    other = {(score.group, score.pair): score.value for score in behind}
    groups: dict[str, dict[str, list[float]]] = {}
    for score in ahead:
        change = sign * (score.value - other.get((score.group, score.pair), float("nan")))
        if np.isfinite(change):
            groups.setdefault(score.group, {}).setdefault(score.patient, []).append(change)
    mean, low, high = _mean_and_interval(groups)
    statement = f"{claim.ahead} ahead of {claim.behind}"
    return Finding(statement, claim.paper, mean, low, high, claim.unit, where)


def _mean_and_interval(
    groups: Mapping[str, Mapping[str, list[float]]],
) -> tuple[float, float | None, float | None]:
    if not groups:
        return float("nan"), None, None
    means = [np.mean(np.concatenate(list(own.values()))) for own in groups.values()]
    patients = {patient for own in groups.values() for patient in own}
    if len(patients) < FEWEST_PATIENTS:
        return float(np.mean(means)), None, None
    return float(np.mean(means)), *interval_of_mean(groups)


def _amount(found: Finding) -> str:
    if not np.isfinite(found.ahead):
        return "nothing measured"
    if found.p is not None:
        return f"{found.ahead:+.3g} (p = {found.p:.2g})"
    if found.low is None or found.high is None:
        return f"{found.ahead:+.3g} (no interval)"
    return f"{found.ahead:+.3g} ({found.low:+.3g} to {found.high:+.3g})"


def write_first_page(folder: Path, page: FirstPage) -> None:
    """Write `FINDINGS`, the page for programs, and `FIGURE`, none without findings."""
    # imported here: a plot needs what a page does not
    from SlicePropagationLib.studies.first_page_figure import draw_findings

    text = json.dumps(asdict(page), indent=1, ensure_ascii=False)
    (folder / FINDINGS).write_text(text + "\n", encoding="utf-8")
    draw_findings(folder / FIGURE, page.findings)


def read_first_page(path: Path | str) -> FirstPage:
    """The page in a file that `write_first_page` wrote."""
    values = json.loads(Path(path).read_text(encoding="utf-8"))
    findings = tuple(Finding(**found) for found in values.pop("findings"))
    return FirstPage(**values, findings=findings)
