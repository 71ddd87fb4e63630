"""The overview of a batch as one HTML page: no scripts, nothing from elsewhere, light and dark."""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from SlicePropagationLib import __version__
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.record import PICTURE
from SlicePropagationLib.pipelines.batch_case import BatchCase, Structure, doubt

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
LEGEND = (
    "Each picture shows up to twelve slices, counted from 0; click it for the full size. A blue"
    " frame: drawn; orange: corrected; green: confirmed. The number on a slice is its confidence, an"
    " estimate of its Dice; the lowest is orange. The confidence of a case is the mean over the"
    " predicted slices of its least trusted segment, weighted by their areas."
)
NO_PICTURE = "no picture was written with this result"


@dataclass(frozen=True)
class BatchOverview:
    """What the page tells.

    Attributes:
        table: the table of cases.
        folder: of the results and the page.
        num_cases: of the table.
        cases: what has been done of them.
        written: when, in words.
    """

    table: Path
    folder: Path
    num_cases: int
    cases: Sequence[BatchCase]
    written: str

    def page(self) -> str:
        """The page's HTML."""
        failed = [case for case in self.cases if case.error]
        done = sorted((case for case in self.cases if not case.error), key=_doubt)
        title = f"Results of {self.table.name}"
        parts = [
            "<!DOCTYPE html>",
            '<html lang="en">',
            _head(title),
            f"<body><header><h1>{escape(title)}</h1>",
            f"<p>{escape(self._counts(len(done), len(failed)))}</p></header><main>",
            self._failed_section(failed),
            self._done_section(done),
            "</main></body></html>",
        ]
        return "\n".join(part for part in parts if part) + "\n"

    def _counts(self, num_done: int, num_failed: int) -> str:
        waiting = self.num_cases - num_done - num_failed
        still = f", {waiting} not yet" if waiting else ""
        return (
            f"{num_done} of {self.num_cases} cases done, {num_failed} failed{still}; written"
            f" {self.written} by slice-propagation {__version__}."
        )

    def _failed_section(self, failed: Sequence[BatchCase]) -> str:
        if not failed:
            return ""
        items = [
            f"<li><strong>{escape(self._name(case))}</strong> {escape(str(case.error))}</li>"
            for case in failed
        ]
        return "\n".join(["<h2>Failed</h2>", '<ul class="failed">', *items, "</ul>"])

    def _done_section(self, done: Sequence[BatchCase]) -> str:
        if not done:
            return ""
        items = [self._item(case) for case in done]
        heading = "<h2>Done, the least trusted first</h2>"
        legend = f'<p class="faint">{escape(LEGEND)}</p>'
        return "\n".join([heading, legend, '<ol class="cases">', *items, "</ol>"])

    def _item(self, case: BatchCase) -> str:
        heading = f'<h3><a href="{self._link(case.out)}">{escape(self._name(case))}</a></h3>'
        lines = [_trust_text(case), escape(_drawn_text(case)), escape(_volumes(case.structures))]
        body = "\n".join(f"<p>{line}</p>" for line in lines if line)
        command = shlex.join(
            ["slice-propagation", "app", case.image, "--segmentation", str(case.out)]
        )
        correct = f"<details><summary>Correct it</summary><code>{escape(command)}</code></details>"
        return f'<li>{self._figure(case)}<div class="text">{heading}\n{body}\n{correct}</div></li>'

    def _figure(self, case: BatchCase) -> str:
        if case.thumbnail is None:
            return f'<div class="none">{NO_PICTURE}</div>'
        data = base64.b64encode(case.thumbnail).decode("ascii")
        words = escape(f"Slices of {self._name(case)} with outlines", quote=True)
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{words}">'
        return f'<a href="{self._link(companion(case.out, PICTURE))}">{picture}</a>'

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


def _head(title: str) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
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


def _doubt(case: BatchCase) -> tuple[float, str]:
    return doubt(case.trust), str(case.out)


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
