"""The overview of a batch as one HTML page: no scripts, nothing from elsewhere, light and dark."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from SlicePropagationLib import __version__
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import PICTURE
from SlicePropagationLib.pipelines.batch_case import BatchCase, Structure
from SlicePropagationLib.pipelines.batch_items import BatchItems

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --text: #1c2128; --faint: #57606a;
  --line: #d0d7de; --bad: #b3261e; --link: #0a58ca; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --card: #1d2129; --text: #e6e9ee;
  --faint: #9aa3af; --line: #363c46; --bad: #ff9d94; --link: #8ab8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 100rem; padding: 1.5rem; background: var(--ground);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .75rem; }
p, dl { margin: .25rem 0; } a { color: var(--link); }
.faint { color: var(--faint); }
.failed { border-left: 4px solid var(--bad); padding-left: .75rem; list-style: none; }
.failed li { margin: .5rem 0; overflow-wrap: anywhere; }
.failed strong { color: var(--bad); }
.cases { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr));
  padding: 0; list-style: none; }
.cases > li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.cases img { display: block; width: 100%; height: auto; background: #14171c; }
.none { padding: 3rem 1rem; text-align: center; background: var(--ground); color: var(--faint); }
.text { padding: .75rem 1rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 0; }
meter { width: 6rem; vertical-align: middle; }
summary { cursor: pointer; color: var(--faint); } code { font-size: .85rem; }
""".strip()
PICTURES = "Each picture shows up to twelve slices, counted from 0; click it for the full size."
OUTLINES = "Outlines are what the model found, in a colour for each label."
LEGEND = (
    "A blue frame: drawn; orange: corrected; green: confirmed. The number on a slice is its"
    " confidence, an estimate of its Dice; the lowest is orange. The confidence of a case is the"
    " mean over the predicted slices of its least trusted segment, weighted by their areas."
)
MOST_PICTURES_WITHIN = 500  # of up to 50 kB; beyond, the page shows the files that lie beside it
NO_PICTURE = "no picture was written with this result"


@dataclass(frozen=True)
class BatchOverview:
    """What the page tells.

    Attributes:
        table: the table of cases.
        folder: of the results and the page.
        num_cases: of the table.
        is_seeded: whether the cases were propagated through; False for those of a model that needs
            no seed, and tells no confidence.
    """

    table: Path
    folder: Path
    num_cases: int
    is_seeded: bool = True

    @property
    def holds_pictures(self) -> bool:
        """Whether the page has the pictures in it; of more cases it would open in no browser."""
        return self.num_cases <= MOST_PICTURES_WITHIN

    def page(self, items: BatchItems, written: str) -> Iterator[str]:
        """The page's HTML, in pieces.

        Args:
            items: the `item` of each case that is finished.
            written: when, in words.
        """
        title = f"Results of {self.table.name}"
        yield "<!DOCTYPE html>\n"
        yield '<html lang="en">\n'
        yield f"{_head(title, self.holds_pictures)}\n"
        yield f"<body><header><h1>{escape(title)}</h1>\n"
        yield f"<p>{escape(self._counts(items, written))}</p></header><main>\n"
        if items.num_failed:
            opening = ["<h2>Failed</h2>", '<ul class="failed">']
            yield from _listed(opening, items.failed(), "</ul>")
        if items.num_done:
            order = "the least trusted first" if self.is_seeded else "in the order of the table"
            heading = f"<h2>Done, {order}</h2>"
            legend = f'<p class="faint">{escape(self._legend())}</p>'
            yield from _listed([heading, legend, '<ol class="cases">'], items.done(), "</ol>")
        yield "</main></body></html>\n"

    def _legend(self) -> str:
        return f"{PICTURES} {LEGEND if self.is_seeded else OUTLINES}"

    def _counts(self, items: BatchItems, written: str) -> str:
        waiting = self.num_cases - items.num_done - items.num_failed
        still = f", {waiting} not yet" if waiting else ""
        return (
            f"{items.num_done} of {self.num_cases} cases done, {items.num_failed} failed{still};"
            f" written {written} by slice-propagation {__version__}."
        )

    def item(self, case: BatchCase) -> str:
        """What the page has of one case."""
        return self._failed_item(case) if case.error else self._done_item(case)

    def _failed_item(self, case: BatchCase) -> str:
        return f"<li><strong>{escape(self._name(case))}</strong> {escape(str(case.error))}</li>"

    def _done_item(self, case: BatchCase) -> str:
        heading = f'<h3><a href="{self._link(case.out)}">{escape(self._name(case))}</a></h3>'
        lines = [escape(case.found)] if case.found else _propagated_lines(case)
        body = "\n".join(f"<p>{line}</p>" for line in lines if line)
        command = shlex.join(
            ["slice-propagation", "app", case.image, "--segmentation", str(case.out)]
        )
        correct = f"<details><summary>Correct it</summary><code>{escape(command)}</code></details>"
        return f'<li>{self._figure(case)}<div class="text">{heading}\n{body}\n{correct}</div></li>'

    def _figure(self, case: BatchCase) -> str:
        if not case.has_picture:
            return f'<div class="none">{NO_PICTURE}</div>'
        link = self._link(companion(case.out, PICTURE))
        source = link
        if case.thumbnail is not None:
            source = f"data:image/jpeg;base64,{base64.b64encode(case.thumbnail).decode('ascii')}"
        words = escape(f"Slices of {self._name(case)} with outlines", quote=True)
        return f'<a href="{link}"><img src="{source}" alt="{words}" loading="lazy"></a>'

    def _name(self, case: BatchCase) -> str:
        """A case as its result is called in the folder, without the ending."""
        return self._relative(companion(case.out, ""))

    def _link(self, path: Path) -> str:
        return escape(quote(self._relative(path), errors="surrogateescape"), quote=True)

    def _relative(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path, self.folder)).as_posix()
        except ValueError:  # another drive
            return path.absolute().as_posix()


def _listed(opening: Sequence[str], items: Iterable[str], end: str) -> Iterator[str]:
    """Lines of a list."""
    for line in chain(opening, items, [end]):
        yield f"{line}\n"


def _head(title: str, holds_pictures: bool) -> str:
    pictures = "data:" if holds_pictures else "'self' file:"
    policy = f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'"
    return "\n".join(
        [
            '<head><meta charset="utf-8">',
            f'<meta name="generator" content="slice-propagation {__version__}">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style></head>",
        ]
    )


def _propagated_lines(case: BatchCase) -> list[str]:
    """What is said of a case that was propagated through, as HTML."""
    return [_trust_text(case), escape(_drawn_text(case)), escape(_volumes(case.structures))]


def _trust_text(case: BatchCase) -> str:
    """How far a case is trusted, as HTML."""
    trust = case.trust
    if trust is None:
        return "no predicted slice shows a structure"
    scale = 'min="0" max="1" low=".5" high=".8" optimum="1"'
    meter = f'<meter {scale} value="{trust.mean:.3f}"></meter>'
    where = escape(f"of {trust.segment}; lowest {trust.lowest:.2f}, on slice {trust.slice_number}")
    return f"{meter} confidence <strong>{trust.mean:.2f}</strong> {where}"


def _drawn_text(case: BatchCase) -> str:
    slices = "1 slice" if case.num_drawn == 1 else f"{case.num_drawn} slices"
    by = f", propagated with {case.engine}" if case.engine else ""
    return f"annotated on {slices}{by}"


def _volumes(structures: Sequence[Structure]) -> str:
    known = [each for each in structures if each.volume_ml is not None]
    return ", ".join(f"{each.name} {each.volume_ml:.4g} ml" for each in known)
