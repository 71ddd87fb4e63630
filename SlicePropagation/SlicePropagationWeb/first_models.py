"""*Segment first*: a model that needs no seed fills segments, which are reviewed and corrected then."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from SlicePropagationMRML.nodes.first_segments import planeFor, segmentsFor
from SlicePropagationMRML.presenting.models import modelsReason, modelText

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.segmenters.catalogue import ShippedModel, shipped_models

if TYPE_CHECKING:
    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.segmentation_controller import SegmentationController
    from SlicePropagationWeb.workflow import Workflow


class FirstModels:
    """The dialog's list, and the run of the model that is chosen in it.

    Args:
        workflow: the Workflow, which runs.
        controller: the SegmentationController, which has the segments.
        data: the PanelState that the browser shows.
    """

    def __init__(
        self,
        workflow: "Workflow",
        controller: "SegmentationController",
        data: "PanelState",
    ) -> None:
        self._workflow = workflow
        self._controller = controller
        self._data = data

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it calls}."""
        return {"first": self.show, "segment_first": self.segment}

    def show(self) -> None:
        """List the models."""
        self._data.first_models = [
            {"name": model.name, "title": model.title, "text": modelText(model)}
            for model in shipped_models().values()
        ]
        self._data.first_reason = modelsReason()
        self._data.is_first_dialog = True

    def segment(self, name: str) -> None:
        """Have a model fill the segments of its structures.

        Raises:
            InputError: there is no such model, it cannot run here, or a segment is locked.
        """
        self._data.is_first_dialog = False
        models = shipped_models()
        if name not in models:
            raise InputError(f"There is no model '{name}'; choose one of the list.")
        if modelsReason():
            raise InputError(f"{modelsReason()}.")
        model = models[name]
        self._workflow.choose_plane(planeFor(model, self._controller.volume))
        segments = self._segments(model)
        self._workflow.open_session()
        self._controller.choose(next(iter(segments.values())))
        self._workflow.segment_first(model, segments)

    def _segments(self, model: ShippedModel) -> dict[int, str]:
        controller = self._controller
        segments = segmentsFor(
            controller.segmentation, model.structures, controller.is_blank, controller.add_named
        )
        for label, segment_id in segments.items():
            if controller.rules.is_locked(segment_id):
                raise InputError(
                    f"{model.structures[label]} is locked; unlock it in the list to fill it."
                )
        return segments
