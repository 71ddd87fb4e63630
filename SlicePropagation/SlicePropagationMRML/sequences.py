"""`propagateSequence` under the name that scripts import it by: it was published as part of this module."""

from SlicePropagationMRML.nodes.sequences import propagateSequence

__all__ = ["propagateSequence"]
