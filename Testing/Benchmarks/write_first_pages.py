"""Write the first page of kept reports anew from their findings.

    python Testing/Benchmarks/write_first_pages.py Testing/Reports/pnet [...]

Each folder has findings.json, which is kept by hand: figures of the tables behind the page. The page
becomes the beginning of its report.md, up to the heading "Tables", and findings.png is drawn.
"""

import argparse
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from SlicePropagationLib.studies.first_page import (
    FIGURE,
    FINDINGS,
    TABLES,
    read_first_page,
)
from SlicePropagationLib.studies.first_page_figure import draw_findings


def main(argv=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args(argv).folders:
        write_page(folder)
    return 0


def write_page(folder):
    """The page and the figure of one report."""
    page = read_first_page(folder / FINDINGS)
    report = folder / "report.md"
    _, _, behind = report.read_text(encoding="utf-8").partition(f"{TABLES}\n")
    report.write_text(page.text() + behind, encoding="utf-8")
    draw_findings(folder / FIGURE, page.findings)
    print(f"{report}: {len(page.findings)} statements")


if __name__ == "__main__":
    sys.exit(main())
