"""`Adaptation`: before it walks, an engine learns from the annotated slices of the structure.

What learns is a small part of a network, for this structure of this image only; see
`SlicePropagationLib.engines.slice.lessons`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from SlicePropagationLib.propagation import Engine

log = logging.getLogger(__name__)
ADAPT = "adapt"  # behind the name of an engine: "slice_unet+adapt"
FEWEST_SLICES = 3  # annotated ones of a structure; with fewer there is too little to learn from


@dataclass(frozen=True)
class Adaptation:
    """How an engine learns from annotated slices; the same way, the same slices, the same result.

    Attributes:
        seed: of what is drawn at random.
        steps: how often the network looks at all that it learns from.
    """

    seed: int = 1
    steps: int = 10

    def is_due(self, anchors: Sized) -> bool:
        """Whether there are enough annotated slices to learn from."""
        return len(anchors) >= FEWEST_SLICES

    def recorded(self, anchors: Mapping[int, list[int]]) -> dict[str, Any]:
        """What the history says of a run that learnt.

        Args:
            anchors: {label: indices of its annotated slices} of the labels that walk.
        """
        annotated = [
            {"label": label, "slices": slices}
            for label, slices in sorted(anchors.items())
            if self.is_due(slices)
        ]
        return {"seed": self.seed, "steps": self.steps, "annotated": annotated}


def adapting(engine: Engine, adaptation: Adaptation | None) -> Engine:
    """An engine that learns from annotated slices, or with None one that does not.

    One with nothing to learn stays as it is, and a warning says so.
    """
    adapted = getattr(engine, "adapting", None)
    if adapted is not None:
        return adapted(adaptation)
    if adaptation is not None:
        log.warning(
            "Engine '%s' has nothing that could learn from annotated slices; it walks as always.",
            engine.name,
        )
    return engine


def split_adapt(name: str) -> tuple[str, bool]:
    """(engine, whether it learns from annotated slices) of "NAME" or "NAME+adapt"."""
    plain = name.removesuffix(f"+{ADAPT}")
    return plain, plain != name
