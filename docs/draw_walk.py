"""Draw docs/images/walk.svg, the drawing of the page "How it works": `python docs/draw_walk.py`."""

import math
from pathlib import Path

TARGET = Path(__file__).with_name("images") / "walk.svg"
NUM_SLICES = 17
SEED = 5
CORRECTION = 11
FIRST_SHOWN = 2  # the structure shows from here
LAST_SHOWN = 14  # to here
LEFT = 40
STEP = 50
TOP = 150
SIZE = 42  # of one slice
WIDTH = 2 * LEFT + NUM_SLICES * STEP
HEIGHT = 395
SEED_COLOR = "#0072B2"
CORRECTION_COLOR = "#D55E00"
WALK_COLOR = "#4A4A4A"
CONFIDENT = (0, 158, 115)
DOUBTFUL = (240, 228, 66)


def middle(index):
    """Horizontal middle of a slice."""
    return LEFT + index * STEP + STEP / 2


def radius(index):
    """Radius of the structure on a slice: an ellipsoid."""
    centre = (FIRST_SHOWN + LAST_SHOWN) / 2
    half = (LAST_SHOWN - FIRST_SHOWN) / 2 + 0.6
    return 17 * math.sqrt(max(0.0, 1 - ((index - centre) / half) ** 2))


def color_of(index):
    """Colour of a slice on the strip."""
    if index == SEED:
        return SEED_COLOR
    if index == CORRECTION:
        return CORRECTION_COLOR
    beyond = max(FIRST_SHOWN - index, index - LAST_SHOWN)
    if beyond > 0:
        doubt = 1.2 * math.exp(-beyond / 2)
    else:
        distance = min(abs(index - SEED), abs(index - CORRECTION))
        doubt = (distance - 1) / 3
    doubt = min(1.0, doubt)
    mixed = (round(a + (b - a) * doubt) for a, b in zip(CONFIDENT, DOUBTFUL, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def text(x, y, words, *, anchor="middle", size=15, color="#222222", weight="normal"):
    """A line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"'
        f' fill="{color}" font-weight="{weight}">{words}</text>'
    )


def draw_slice(index):
    """One slice: a square with the structure on it."""
    x = middle(index) - SIZE / 2
    is_anchor = index in (SEED, CORRECTION)
    frame = color_of(index) if is_anchor else "#9A9A9A"
    parts = [
        f'<rect x="{x:.1f}" y="{TOP}" width="{SIZE}" height="{SIZE}" rx="3" fill="#F4F4F4"'
        f' stroke="{frame}" stroke-width="{3 if is_anchor else 1.2}"/>'
    ]
    if FIRST_SHOWN <= index <= LAST_SHOWN:
        fill = frame if is_anchor else "#C9C9C9"
        parts.append(
            f'<circle cx="{middle(index):.1f}" cy="{TOP + SIZE / 2}" r="{radius(index):.1f}"'
            f' fill="{fill}"/>'
        )
    return parts


def draw_walk(start, end, y):
    """An arrow from slice to slice."""
    sign = 1 if end > start else -1
    first = middle(start) + sign * 8
    last = middle(end)
    return (
        f'<line x1="{first:.1f}" y1="{y}" x2="{last:.1f}" y2="{y}" stroke="{WALK_COLOR}"'
        ' stroke-width="2.4" marker-end="url(#head)"/>'
    )


def draw_gap(first, last, y, words):
    """A bracket below the slices of a gap, with its name."""
    left = middle(first) - STEP / 2 + 4
    right = middle(last) + STEP / 2 - 4
    lines = [
        f'<path d="M{left:.1f} {y - 8} V{y} H{right:.1f} V{y - 8}" fill="none" stroke="#777777"'
        ' stroke-width="1.5"/>'
    ]
    lines += [
        text((left + right) / 2, y + 20 + 18 * number, line, size=14)
        for number, line in enumerate(words)
    ]
    return lines


def draw_strip(y):
    """The strip of provenance and confidence."""
    cells = [
        f'<rect x="{middle(index) - STEP / 2:.1f}" y="{y}" width="{STEP}" height="16"'
        f' fill="{color_of(index)}" stroke="#FFFFFF"/>'
        for index in range(NUM_SLICES)
    ]
    words = "the strip: seed, correction, and confidence from sure (green) to doubtful (yellow)"
    return [*cells, text(WIDTH / 2, y + 36, words, size=14)]


def draw():
    """The whole drawing as SVG text; its own light ground keeps it readable on dark pages."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        ' font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
        "<title>Walks from a seed and a correction through a stack of slices</title>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7"'
        f' markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="{WALK_COLOR}"/>'
        "</marker></defs>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="10" fill="#FFFFFF"/>',
        text(
            middle(SEED),
            40,
            "seed",
            color=SEED_COLOR,
            weight="bold",
            size=17,
        ),
        text(
            middle(CORRECTION),
            40,
            "correction",
            color=CORRECTION_COLOR,
            weight="bold",
            size=17,
        ),
        text(middle(SEED), 60, "drawn by a person", size=13),
        text(middle(CORRECTION), 60, "drawn over a prediction", size=13),
        draw_walk(SEED, 1, 110),
        draw_walk(SEED, CORRECTION - 1, 96),
        draw_walk(CORRECTION, SEED + 1, 124),
        draw_walk(CORRECTION, 15, 110),
    ]
    for anchor in (SEED, CORRECTION):
        parts.append(
            f'<line x1="{middle(anchor)}" y1="68" x2="{middle(anchor)}" y2="{TOP}"'
            f' stroke="{color_of(anchor)}" stroke-width="2"/>'
        )
    for index in range(NUM_SLICES):
        parts += draw_slice(index)
    y = TOP + SIZE + 24
    parts += draw_gap(0, SEED - 1, y, ["open gap: one walk,", "ends with the structure"])
    parts += draw_gap(
        SEED + 1,
        CORRECTION - 1,
        y,
        ["gap between two anchors:", "two walks, blended"],
    )
    parts += draw_gap(
        CORRECTION + 1,
        NUM_SLICES - 1,
        y,
        ["open gap: one walk,", "ends with the structure"],
    )
    recomputed = middle(SEED) + STEP / 2 + 4
    parts += [
        f'<line x1="{recomputed:.1f}" y1="{y + 62}" x2="{WIDTH - LEFT - 4}" y2="{y + 62}"'
        f' stroke="{CORRECTION_COLOR}" stroke-width="3"/>',
        text(
            (recomputed + WIDTH - LEFT) / 2,
            y + 82,
            "all that the correction makes out of date",
            color=CORRECTION_COLOR,
            size=14,
        ),
    ]
    parts += draw_strip(y + 118)
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
