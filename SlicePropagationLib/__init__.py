"""Propagate a mask from annotated slices through a volume.

Arrays only, no Slicer. Importing the package imports neither torch nor numpy: each name of the
public face is looked up when it is asked for.
"""

__version__ = "0.1.0"

# As `typing.TYPE_CHECKING`, whose import would be most of what importing this package costs.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from SlicePropagationLib.engines import make_engine
    from SlicePropagationLib.evaluation.evaluate import EvaluateRequest, evaluate
    from SlicePropagationLib.evaluation.simulated_annotator import SimulateRequest, simulate_file
    from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
    from SlicePropagationLib.pipelines.compare_results import CompareRequest, compare_results
    from SlicePropagationLib.pipelines.demo import DemoRequest, run_demo
    from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file
    from SlicePropagationLib.pipelines.propagate_frames import propagate_frames
    from SlicePropagationLib.pipelines.pseudo_labels import PseudoLabelRequest, pseudo_label_file
    from SlicePropagationLib.pipelines.segment_file import SegmentRequest, segment_file
    from SlicePropagationLib.pipelines.superresolve_file import (
        SuperresolveRequest,
        superresolve_file,
    )
    from SlicePropagationLib.propagation import plan_session, propagate
    from SlicePropagationLib.session import AnnotationSession
    from SlicePropagationLib.stack import SliceStack
    from SlicePropagationLib.training.train import TrainRequest, train

__all__ = [
    "AnnotationSession",
    "BatchRequest",
    "CompareRequest",
    "DemoRequest",
    "EvaluateRequest",
    "PropagateRequest",
    "PseudoLabelRequest",
    "SegmentRequest",
    "SimulateRequest",
    "SliceStack",
    "SuperresolveRequest",
    "TrainRequest",
    "compare_results",
    "evaluate",
    "make_engine",
    "plan_session",
    "propagate",
    "propagate_file",
    "propagate_frames",
    "pseudo_label_file",
    "run_batch",
    "run_demo",
    "segment_file",
    "simulate_file",
    "superresolve_file",
    "train",
]

# The module that each name is of, below this package.
_HOMES = {
    "AnnotationSession": "session",
    "BatchRequest": "pipelines.batch",
    "CompareRequest": "pipelines.compare_results",
    "DemoRequest": "pipelines.demo",
    "EvaluateRequest": "evaluation.evaluate",
    "PropagateRequest": "pipelines.propagate_file",
    "PseudoLabelRequest": "pipelines.pseudo_labels",
    "SegmentRequest": "pipelines.segment_file",
    "SimulateRequest": "evaluation.simulated_annotator",
    "SliceStack": "stack",
    "SuperresolveRequest": "pipelines.superresolve_file",
    "TrainRequest": "training.train",
    "compare_results": "pipelines.compare_results",
    "evaluate": "evaluation.evaluate",
    "make_engine": "engines",
    "plan_session": "propagation",
    "propagate": "propagation",
    "propagate_file": "pipelines.propagate_file",
    "propagate_frames": "pipelines.propagate_frames",
    "pseudo_label_file": "pipelines.pseudo_labels",
    "run_batch": "pipelines.batch",
    "run_demo": "pipelines.demo",
    "segment_file": "pipelines.segment_file",
    "simulate_file": "evaluation.simulated_annotator",
    "superresolve_file": "pipelines.superresolve_file",
    "train": "training.train",
}


if not TYPE_CHECKING:  # a checker reads the imports above instead

    def __getattr__(name: str) -> object:
        """A name of the public face, imported when it is first asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """The public face and what is imported already, for completion."""
    return sorted({*globals(), *__all__})
