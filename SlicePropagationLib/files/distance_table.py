"""The table of how far each frame or slice is from the nearest annotated one.

Pseudo-labels have it beside them.
"""

import csv
from pathlib import Path

import numpy as np

from SlicePropagationLib.errors import InputError, in_one_line
from SlicePropagationLib.files.companions import companion
from SlicePropagationLib.files.table import first_line

DISTANCES = ".distances.csv"


def read_distances(label_path: Path | str, count: int) -> np.ndarray | None:
    """(count,) distances from the table beside a label file; None where there is no table.

    Raises:
        InputError: it is not such a table, or names frames that the series does not have.
    """
    path = companion(label_path, DISTANCES)
    if not path.is_file():
        return None
    found = np.full(count, np.inf)
    try:
        with open(path, newline="", encoding="utf-8") as file:
            first_line(file)
            rows = [(int(row["frame"]), float(row["distance"])) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise InputError(
            f"{path} is not a table of distances ({in_one_line(error)}); it needs the columns frame"
            " and distance."
        ) from error
    outside = [frame for frame, _ in rows if not 0 <= frame < count]
    if outside:
        raise InputError(
            f"{path} names frame {outside[0]}, the series has frames 0 to {count - 1}; it belongs"
            " to another file."
        )
    for frame, distance in rows:
        found[frame] = distance
    return found


def write_distances(path: Path | str, distances: np.ndarray) -> None:
    """Write the table that `read_distances` reads; frames without a label are left out."""
    labelled = np.flatnonzero(np.isfinite(distances))
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["frame", "distance"])
        table.writerows([frame, f"{distances[frame]:g}"] for frame in labelled)
