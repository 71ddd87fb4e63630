"""The brush paints on slices only, and the browser itself draws its ring and its strokes there.

In the 3D view it would be a disc that floats before the surface, and a click on the surface would paint
a ball through many slices.
"""

from typing import Any

from trame_slicer.segmentation import segmentation_paint_pipeline


def keep_strokes_out_of_3d() -> None:
    """Let the brush of views that are made from now on do nothing in 3D.

    Trame-slicer 2.0.0, which is pinned, has no way to say so.
    """
    in_3d: Any = segmentation_paint_pipeline.SegmentationPaintPipeline3D
    in_3d.IsSupportedEvent = lambda pipeline, event: False


def hide(brush: Any) -> None:
    """Leave ring and strokes of a tool to the browser, which shows them at once (`www/brush_canvas.js`).

    Args:
        brush: the tool's effect.
    """
    parameters = brush._get_paint_parameters()
    for model in (parameters.brush_model_node, parameters.paint_feedback_model_node):
        model.GetDisplayNode().SetVisibility2D(False)
        model.GetDisplayNode().SetVisibility3D(False)
