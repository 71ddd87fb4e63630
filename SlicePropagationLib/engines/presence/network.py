"""`PresenceNetwork`: the trained recurrent network, computed with NumPy alone.

Trained by `train presence_rnn`; a run without PyTorch suggests the same slices.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from SlicePropagationLib.engines.presence.facts import FACTS
from SlicePropagationLib.errors import CheckpointError
from SlicePropagationLib.files.shipped_weights import find_arrays

log = logging.getLogger(__name__)
MODEL = "presence_rnn"
# what a file holds, with the letters of its sizes: F facts, H units, G three times as many
SHAPES = {
    "mean": "F",
    "scale": "F",
    "enter.weight": "HF",
    "enter.bias": "H",
    "memory.weight_ih_l0": "GH",
    "memory.weight_hh_l0": "GH",
    "memory.bias_ih_l0": "G",
    "memory.bias_hh_l0": "G",
    "leave.weight": "1H",
    "leave.bias": "1",
}


class PresenceNetwork:
    """A gated recurrent unit that reads the facts of a walk's slices one after the other.

    Args:
        weights: {name: array} as in SHAPES.

    Raises:
        CheckpointError: they are not of this network.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        _check(weights)
        self._weights = {name: np.asarray(weights[name], np.float32) for name in SHAPES}

    def start(self) -> np.ndarray:
        """(H,) what it remembers before the first slice."""
        return np.zeros(len(self._weights["enter.bias"]), np.float32)

    def read(self, facts: np.ndarray, state: np.ndarray) -> tuple[float, np.ndarray]:
        """One more slice.

        Args:
            facts: (F,) of the slice.
            state: (H,) what it remembers.

        Returns:
            (probability in [0, 1] that the structure is there, what it remembers now).
        """
        weights = self._weights
        known = (facts - weights["mean"]) / weights["scale"]
        entered = np.tanh(weights["enter.weight"] @ known + weights["enter.bias"])
        coming = weights["memory.weight_ih_l0"] @ entered + weights["memory.bias_ih_l0"]
        kept = weights["memory.weight_hh_l0"] @ state + weights["memory.bias_hh_l0"]
        reset_in, update_in, new_in = np.split(coming, 3)
        reset_kept, update_kept, new_kept = np.split(kept, 3)
        reset = _sigmoid(reset_in + reset_kept)
        update = _sigmoid(update_in + update_kept)
        new = np.tanh(new_in + reset * new_kept)
        state = (1 - update) * new + update * state
        odds = weights["leave.weight"] @ state + weights["leave.bias"]
        return float(_sigmoid(odds)[0]), state


def load_presence(path: Path | str) -> PresenceNetwork:
    """The network in a file; a model card beside it that states a sha256 must agree.

    Raises:
        CheckpointError: it cannot be read, or is not what its card says.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            weights = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            "{path} cannot be read as weights ({problem}); install the project again.",
            path=path,
            problem=str(error),
        ) from error
    card = path.with_suffix(".json")
    stated = json.loads(card.read_text(encoding="utf-8")).get("sha256") if card.is_file() else None
    if stated and stated != hashlib.sha256(content).hexdigest():
        raise CheckpointError(
            "{path} is not the file that its card describes; install the project again.", path=path
        )
    return PresenceNetwork(weights)


@lru_cache(maxsize=1)
def shipped_presence() -> PresenceNetwork | None:
    """The network that came with the program; None, with a warning, where it cannot be used."""
    try:
        return load_presence(find_arrays(MODEL))
    except CheckpointError as error:
        log.warning("Suggestions do without the trained network: %s", error)
        return None


def _check(weights: dict[str, np.ndarray]) -> None:
    if set(weights) != set(SHAPES):
        raise CheckpointError("The weights are not those of a presence network.")
    units = len(weights["enter.bias"])
    sizes = {"F": len(FACTS), "H": units, "G": 3 * units, "1": 1}
    for name, letters in SHAPES.items():
        if weights[name].shape != tuple(sizes[letter] for letter in letters):
            raise CheckpointError("The weights are not those of a presence network.")


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -30, 30)))
