"""What buttons do to the segment on the slice shown, each as one step with a name."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from SlicePropagationMRML.nodes.geometry import segmentPatches
from SlicePropagationMRML.nodes.slice_edits import editSlices

from SlicePropagationLib.arrays import Mask
from SlicePropagationLib.drawing.mask_shape import grown, largest_piece, shrunk, without_holes
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.patch import Patch
from SlicePropagationWeb.slice_numbers import number

if TYPE_CHECKING:
    from SlicePropagationMRML.run.document import Document

    from SlicePropagationWeb.panel_state import PanelState
    from SlicePropagationWeb.workflow import Workflow

PIXELS = "px"


class SliceCommands:
    """Changes masks of the segment that is chosen.

    Args:
        workflow: the Workflow, which has what is open.
        data: the PanelState that the browser shows.
    """

    def __init__(self, workflow: "Workflow", data: "PanelState") -> None:
        self._flow = workflow
        self._data = data

    def commands(self) -> dict[str, Callable[..., None]]:
        """{name of a command: what it does}."""
        return {
            "fill": partial(self._reshape, "Fill holes", without_holes, "has no hole"),
            "largest": partial(self._reshape, "Keep largest piece", largest_piece, "is one piece"),
            "grow": self._grow,
            "shrink": self._shrink,
            "copy_previous": partial(self._copy, -1),
            "copy_next": partial(self._copy, 1),
            "margin": self._set_margin,
        }

    # One slice

    def _grow(self) -> None:
        self._reshape(f"Grow by {self._margin_text}", self._by_margin(grown), "does not change")

    def _shrink(self) -> None:
        self._reshape(f"Shrink by {self._margin_text}", self._by_margin(shrunk), "does not change")

    def _by_margin(self, change: Callable[..., Mask]) -> Callable[[Mask], Mask]:
        is_pixels = self._data.margin_unit == PIXELS
        spacing = (1.0, 1.0) if is_pixels else self.document.stack.spacing_mm[1:]
        return lambda mask: change(mask, self._data.margin, spacing)

    @property
    def _margin_text(self) -> str:
        return f"{self._data.margin:g} {self._data.margin_unit}"

    def _set_margin(self, margin: float) -> None:
        if not margin > 0:
            raise InputError(f"A margin of {margin:g} changes nothing; type a number above 0.")
        self._data.margin = float(margin)

    def _reshape(self, name: str, change: Callable[[Mask], Mask], otherwise: str) -> None:
        """Change the mask of the slice shown.

        Args:
            name: of the step.
            change: of the mask.
            otherwise: what there is to say of the segment where nothing changes.
        """
        index = self._data.index
        mask = self.mask(index)
        if not mask.any():
            raise InputError(f"The segment is not on slice {number(index)}; draw on it first.")
        if not self.write(name, {index: change(mask)}):
            self._flow.say(f"The segment {otherwise} on slice {number(index)}.")

    def _copy(self, step: int) -> None:
        """Take over the mask of the slice before or after."""
        index = self._data.index
        source = index + step
        if not 0 <= source < len(self.document.stack):
            raise InputError(f"There is no slice {number(source)} to copy from.")
        mask = self.mask(source)
        if not mask.any():
            raise InputError(f"The segment is not on slice {number(source)}; nothing is copied.")
        if not self.write(f"Copy slice {number(source)}", {index: mask}):
            self._flow.say(f"Slice {number(index)} is as slice {number(source)} already.")

    # Any slices

    @property
    def document(self) -> "Document":
        """What is open.

        Raises:
            InputError: nothing is.
        """
        document = self._flow.session.document
        if document is None or not self._data.segment_id:
            raise InputError("Open a volume and add a segment first.")
        return document

    def mask(self, index: int) -> Mask:
        """(H, W) bool: what the segment that is chosen shows on a slice now."""
        return self.masks([index])[index]

    def masks(self, slices: Iterable[int]) -> dict[int, Mask]:
        """{slice: (H, W) bool} of some slices."""
        document = self.document
        patches = document.patchesOf(document.labelOf(self._data.segment_id))
        shape = document.stack.slice_shape
        return {index: patches[index].paste(shape) for index in slices}

    def shown(self, axis: int) -> list[Patch]:
        """What the segment that is chosen shows on the slices of a voxel axis."""
        controller = self._flow.controller
        segment_id = self._data.segment_id
        return segmentPatches(controller.segmentation, segment_id, controller.volume, axis)

    def write(self, name: str, wanted: dict[int, Mask], axis: int | None = None) -> list[int]:
        """Give slices of the segment that is chosen other masks.

        Args:
            name: of the step, as Undo says it.
            wanted: {slice: (H, W) bool}.
            axis: the voxel axis that these slices run along; None for that of the session.

        Returns:
            The slices that changed.

        Raises:
            InputError: the segment is locked.
        """
        self.check_lock()
        document = self.document
        controller = self._flow.controller
        along = document.stack.axis if axis is None else axis
        return editSlices(
            controller.editor.editor_logic,
            controller.segmentation,
            self._data.segment_id,
            controller.volume,
            along,
            wanted,
            lambda: controller.history.save(name_of(name, wanted, along == document.stack.axis)),
        )

    def check_lock(self) -> None:
        """Refuse to change a locked segment.

        Raises:
            InputError: the segment that is chosen is locked.
        """
        if self._flow.controller.rules.is_locked(self._data.segment_id):
            raise InputError("The segment is locked; unlock it in the list to change it.")


def name_of(name: str, slices: dict[int, np.ndarray], is_counted: bool) -> str:
    """What Undo calls a step.

    Args:
        name: what was done.
        slices: the slices that it was done on.
        is_counted: whether they are those of the strip.
    """
    if not is_counted:
        return name
    if len(slices) == 1:
        return f"{name} on slice {number(next(iter(slices)))}"
    return f"{name} on slices {number(min(slices))} to {number(max(slices))}"
