"""A slice view that shows the whole slice goes on to do so, whatever size it gets."""

from typing import Any

from vtkmodules.vtkCommonCore import vtkCommand

BEFORE_SLICER = 1.0  # priorities of observers: Slicer's own has 0
AFTER_SLICER = -1.0


class ViewFit:
    """Fits the slice into its view, again after each change of size, until a person zooms or moves.

    The browser tells a new size when it has laid the page out, at a time that nobody knows here.

    Args:
        view: the `trame_slicer` slice view.
    """

    def __init__(self, view: Any) -> None:
        self._view = view
        self._fitted: tuple[float, ...] = ()  # where the last fit left the view
        self._is_whole = False
        resized = vtkCommand.WindowResizeEvent
        view.interactor().AddObserver(resized, self._before_resize, BEFORE_SLICER)
        view.interactor().AddObserver(resized, self._after_resize, AFTER_SLICER)

    def fit(self) -> None:
        """Show the whole slice that the view is on."""
        node = self._view.get_view_node()
        offset = node.GetSliceOffset()
        self._view.fit_view_to_content()
        node.SetSliceOffset(offset)  # to fit, Slicer goes to the middle slice
        self._fitted = self._place()
        self._view.schedule_render()

    def _before_resize(self, *_: object) -> None:
        self._is_whole = self._place() == self._fitted

    def _after_resize(self, *_: object) -> None:
        if self._is_whole:
            self.fit()

    def _place(self) -> tuple[float, ...]:
        node = self._view.get_view_node()
        return (*node.GetFieldOfView()[:2], *node.GetXYZOrigin()[:2])
