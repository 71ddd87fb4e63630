"""The slices of a segment as a table node, and a chart node of their area and confidence.

They belong to the scene: other modules show them, and they are saved with it.
"""

from collections.abc import Sequence

import numpy as np
import slicer
import slicer.util
import vtk
from vtk.util import numpy_support

from SlicePropagationMRML.nodes.types import Node, Scene

SEGMENT = "SlicePropagation.Segment"  # attribute of our nodes: whose slices they show
SLICE = "slice"
PROVENANCE = "provenance"
AREA = "area_mm2"
# What the chart draws: {column: (its name there, colour)}; both run from 0 to 1.
SERIES = {
    "area_share": ("Area, as a share of the largest", (0.34, 0.71, 0.91)),
    "confidence": ("Confidence", (0.90, 0.62, 0.0)),
}


def showSlices(
    scene: Scene,
    key: str,
    name: str,
    columns: dict[str, Sequence],
) -> Node:
    """Put the slices of a segment into the nodes that show them, made when there are none.

    Args:
        scene: where the nodes are.
        key: of the segment, as no other has it.
        name: what a person calls it.
        columns: {"slice": whole numbers, "provenance": words, "area_mm2": numbers, "confidence":
            numbers in [0, 1], NaN where there is none}, all of one length.

    Returns:
        The vtkMRMLPlotChartNode.
    """
    table = _node(scene, "vtkMRMLTableNode", key, f"{name} slices")
    _fill(table, columns)
    chart = _node(scene, "vtkMRMLPlotChartNode", key, f"{name} slices")
    chart.SetTitle(name)
    chart.SetXAxisTitle(SLICE)
    chart.RemoveAllPlotSeriesNodeIDs()
    for column, (title, color) in SERIES.items():
        series = _node(scene, "vtkMRMLPlotSeriesNode", f"{key} {column}", title)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetPlotType(series.PlotTypeScatter)
        series.SetXColumnName(SLICE)
        series.SetYColumnName(column)
        series.SetColor(*color)
        series.SetMarkerStyle(series.MarkerStyleNone)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    chart.Modified()  # a chart whose nodes changed may stay empty without it
    return chart


def tableOf(chart: Node) -> Node:
    """The table node that a chart draws from."""
    return chart.GetNthPlotSeriesNode(0).GetTableNode()


def _node(scene: Scene, kind: str, key: str, name: str) -> Node:
    """The node of a class that is a segment's, made when there is none."""
    nodes = slicer.util.getNodesByClass(kind, scene)
    ours = [node for node in nodes if node.GetAttribute(SEGMENT) == key]
    node = ours[0] if ours else scene.AddNewNodeByClass(kind)
    node.SetAttribute(SEGMENT, key)
    node.SetName(name)
    return node


def _fill(table: Node, columns: dict[str, Sequence]) -> None:
    area = np.asarray(columns[AREA], float)
    numbers = {
        SLICE: np.asarray(columns[SLICE], np.int32),
        AREA: area,
        "area_share": area / max(float(area.max(initial=0.0)), 1e-12),
        "confidence": np.asarray(columns["confidence"], float),
    }
    modified = table.StartModify()
    table.RemoveAllColumns()
    for column, values in numbers.items():
        array = numpy_support.numpy_to_vtk(values, deep=True)
        array.SetName(column)
        table.AddColumn(array)
    words = vtk.vtkStringArray()
    words.SetName(PROVENANCE)
    for word in columns[PROVENANCE]:
        words.InsertNextValue(word)
    table.AddColumn(words)
    table.EndModify(modified)
