"""How long the sentences of a page are: `python Testing/Project/sentences.py README.md docs/*.md`."""

import re
import sys
from pathlib import Path
from statistics import median

FENCE = re.compile(r"^```.*?^```[^\n]*$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
CODE = re.compile(r"`[^`]*`")
NO_PROSE = ("#", "|", ":::", "<", "!!!")
ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+")


def sentence_lengths(text):
    """Words of each sentence of a Markdown text, without code blocks, tables, headings and pictures."""
    for pattern in (FENCE, COMMENT, PICTURE):
        text = pattern.sub("", text)
    text = CODE.sub("code", LINK.sub(r"\1", text))
    lengths = []
    for paragraph in _paragraphs(text):
        sentences = re.split(r"(?<=[.!?])[)\"*]*\s+", paragraph)
        lengths += [len(sentence.split()) for sentence in sentences if sentence.strip()]
    return lengths


def _paragraphs(text):
    """Paragraphs and list items, each in one line."""
    lines = []
    for line in text.splitlines():
        is_start = not line.strip() or ITEM.match(line) or line.lstrip().startswith(NO_PROSE)
        if is_start or not lines:
            lines.append("")
        if not line.lstrip().startswith(NO_PROSE):
            lines[-1] = f"{lines[-1]} {ITEM.sub('', line).strip()}".strip()
    return [line for line in lines if line]


def main(names):
    """Print the median and the longest sentence of each page."""
    for name in names:
        lengths = sentence_lengths(Path(name).read_text(encoding="utf-8"))
        if lengths:
            print(f"{median(lengths):5.1f} {max(lengths):4d} {len(lengths):4d}  {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
