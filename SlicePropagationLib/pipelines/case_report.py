"""One case on one page: a picture, volumes, and where every slice came from; HTML that prints."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from SlicePropagationLib import __version__
from SlicePropagationLib.pipelines.batch_case import jpeg_of
from SlicePropagationLib.pipelines.result_picture import color_of, result_picture
from SlicePropagationLib.pipelines.slices_table import volume_ml
from SlicePropagationLib.session import AnnotationSession, Provenance

if TYPE_CHECKING:
    from SlicePropagationLib.files.segments import Segment
    from SlicePropagationLib.files.volume import Volume

BY_PERSON = (
    (Provenance.SEED, "drawn", "#2a7ab8"),
    (Provenance.CORRECTION, "corrected", "#d06a1c"),
    (Provenance.CONFIRMED, "confirmed", "#1d8a63"),
)
BY_ENGINE = (Provenance.PROPAGATED, "propagated", "#9fc6e6")
KINDS = (*BY_PERSON, BY_ENGINE)
STRIP_HEIGHT = 14
MOST_RANGES = 24  # of slices in a line
STYLE = """
:root { color-scheme: light dark; --text: #1c2128; --faint: #57606a; --line: #d0d7de; --ground: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ee; --faint: #9aa3af; --line: #363c46;
  --ground: #14171c; } }
@page { size: A4; margin: 14mm; }
@media print { :root { color-scheme: light; --text: #000; --faint: #444; --line: #bbb; --ground: #fff; }
  body { padding: 0; } img { max-height: 125mm; } * { print-color-adjust: exact; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; background: var(--ground); color: var(--text);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0; } h2 { font-size: 1rem; margin: 1.1rem 0 .4rem; }
p { margin: .2rem 0; } .faint { color: var(--faint); }
img { display: block; width: 100%; object-fit: contain; background: #14171c; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--faint); } td.number, th.number { text-align: right; }
th, td { padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .45em; }
svg { display: block; width: 100%; height: 14px; border: 1px solid var(--line); }
.strip { break-inside: avoid; margin: .35rem 0 .6rem; }
""".strip()


def case_report(
    name: str,
    volume: Volume,
    session: AnnotationSession,
    segments: Sequence[Segment],
    record: Mapping[str, Any],
) -> str:
    """The page's HTML; nothing comes from elsewhere.

    Args:
        name: of the case.
        volume: the image.
        session: the finished work.
        segments: of the session's labels.
        record: what stands in its `O.json`.
    """
    engine = str(record.get("engine", ""))
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        _head(name),
        f"<body><header><h1>{escape(name)}</h1>",
        f'<p class="faint">{escape(_about(volume, session))}</p></header><main>',
        _picture(name, volume, session, segments),
        "<h2>Structures</h2>",
        _structures(session, segments),
        "<h2>Where the slices come from</h2>",
        _legend(engine),
        *[_strip(session, segment) for segment in segments],
        "<h2>Who drew what</h2>",
        *[f"<p>{escape(line)}</p>" for line in who_drew(session, segments, engine)],
        f'<p class="faint">{escape(_written())}</p>',
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(title: str) -> str:
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<head><meta charset="utf-8">'
        f'<meta name="generator" content="slice-propagation {__version__}">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
    )


def _about(volume: Volume, session: AnnotationSession) -> str:
    size = "×".join(map(str, volume.image.GetSize()))
    spacing = " × ".join(f"{value:.3g}" for value in volume.image.GetSpacing())
    return f"{volume.path.name} · {size} voxels · {spacing} mm · {len(session.stack)} slices"


def _written() -> str:
    when = time.strftime("%Y-%m-%d %H:%M")
    return f"Written {when} by slice-propagation {__version__}. Slices are counted from 0, as in the table."


def _picture(
    name: str, volume: Volume, session: AnnotationSession, segments: Sequence[Segment]
) -> str:
    data = base64.b64encode(jpeg_of(result_picture(session, segments, volume))).decode("ascii")
    words = escape(f"Slices of {name} with outlines", quote=True)
    return f'<p></p><img src="data:image/jpeg;base64,{data}" alt="{words}">'


def _structures(session: AnnotationSession, segments: Sequence[Segment]) -> str:
    names = ("volume", "slices", *(word for _, word, _ in KINDS), "confidence")
    heads = "".join(f'<th class="number">{escape(word)}</th>' for word in names)
    rows = [_structure(session, segment) for segment in segments]
    return f"<table><tr><th>segment</th>{heads}</tr>{''.join(rows)}</table>"


def _structure(session: AnnotationSession, segment: Segment) -> str:
    label = segment.label
    shown = session.areas(label) > 0
    kinds = session.provenance[session.labels.index(label)]
    cells = [
        f"{volume_ml(session, label):.4g} ml",
        str(int(shown.sum())),
        *[str(int((kinds == kind).sum())) for kind, _, _ in KINDS],
        _confidence(session, label),
    ]
    name = f"<td>{_swatch(_hex(segment))}{escape(segment.name)}</td>"
    return f"<tr>{name}{''.join(f'<td class=number>{cell}</td>' for cell in cells)}</tr>"


def _confidence(session: AnnotationSession, label: int) -> str:
    """Mean over the predicted slices that show the label, weighted by their areas."""
    row = session.labels.index(label)
    areas = np.where(session.provenance[row] == Provenance.PROPAGATED, session.areas(label), 0)
    if not areas.any():
        return "–"
    trust = np.nan_to_num(session.confidence[row])
    return f"{float(np.average(trust, weights=areas)):.2f}"


def _swatch(color: str) -> str:
    return f'<span class="swatch" style="background:{color}"></span>'


def _hex(segment: Segment) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color_of(segment))


def _legend(engine: str) -> str:
    by = f" by {engine}" if engine else ""
    words = [
        f"{_swatch(color)}{word}{escape(by) if kind == BY_ENGINE[0] else ''}"
        for kind, word, color in KINDS
    ]
    return f'<p class="faint">{" &nbsp; ".join(words)}</p>'


def _strip(session: AnnotationSession, segment: Segment) -> str:
    """A cell for each slice, in the colour of where it came from; empty ones are half as high."""
    kinds = session.provenance[session.labels.index(segment.label)]
    shown = session.areas(segment.label) > 0
    colors = {int(kind): color for kind, _, color in KINDS}
    cells = [
        _cell(index, colors[int(kinds[index])], is_shown=bool(shown[index]))
        for index in range(len(kinds))
        if int(kinds[index]) in colors
    ]
    view = f"0 0 {len(kinds)} {STRIP_HEIGHT}"
    name = f"<p>{_swatch(_hex(segment))}{escape(segment.name)}</p>"
    drawn = f'<svg viewBox="{view}" preserveAspectRatio="none">{"".join(cells)}</svg>'
    return f'<div class="strip">{name}{drawn}</div>'


def _cell(index: int, color: str, *, is_shown: bool) -> str:
    height = STRIP_HEIGHT if is_shown else STRIP_HEIGHT // 4
    top = STRIP_HEIGHT - height
    return f'<rect x="{index}" y="{top}" width="1" height="{height}" fill="{color}"/>'


def who_drew(
    session: AnnotationSession,
    segments: Sequence[Segment],
    engine: str,
) -> list[str]:
    """A sentence for each segment: which slices a person drew, and which the engine did."""
    return [_who(session, segment, engine) for segment in segments]


def _who(session: AnnotationSession, segment: Segment, engine: str) -> str:
    kinds = session.provenance[session.labels.index(segment.label)]
    by_person = [
        f"{word} {ranges(np.flatnonzero(kinds == kind).tolist())}"
        for kind, word, _ in BY_PERSON
        if (kinds == kind).any()
    ]
    person = f"by a person: {'; '.join(by_person)}" if by_person else "by a person: nothing"
    count = int((kinds == BY_ENGINE[0]).sum())
    slices = "1 slice" if count == 1 else f"{count} slices"
    return f"{segment.name}: {person}. By {engine or 'an engine'}: {slices} propagated."


def ranges(indices: Sequence[int]) -> str:
    """Numbers in ascending order as people write them: 3, 5–8."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    texts = [str(first) if first == last else f"{first}–{last}" for first, last in runs]
    more = "" if len(texts) <= MOST_RANGES else f" and {len(texts) - MOST_RANGES} more"
    return ", ".join(texts[:MOST_RANGES]) + more
