"""What a person chose in the panel, kept in a node of the scene, so that a saved scene brings it back."""

from collections.abc import Callable

import slicer

from SlicePropagationMRML.nodes.types import (
    EditorNode,
    Scene,
    ScriptedNode,
    SegmentationNode,
    VolumeNode,
)

DEFAULTS = {
    "axis": "",
    "scope": "selected",
    "segments": "",
    "toTheEnd": "1",
    "first": "0",
    "last": "0",
    "direction": "both",
    "engine": "",
    "device": "auto",
    "adapt": "0",
    "follow": "1",
    "autoUpdate": "0",
    "cyclic": "1",
}
# What a text may be; a scene of another version may hold something else, which counts as nothing.
WORDS = {
    "axis": ("0", "1", "2"),
    "scope": ("selected", "drawn", "checked"),
    "direction": ("both", "up", "down"),
    "device": ("auto", "cpu", "cuda"),
    **dict.fromkeys(("toTheEnd", "follow", "autoUpdate", "cyclic", "adapt"), ("0", "1")),
}
NUMBERS = ("first", "last")


def isUnderstood(name: str, text: str) -> bool:
    """Whether a stored text means something for this setting."""
    if name in NUMBERS:
        return text.isascii() and text.isdigit()
    return name not in WORDS or text in WORDS[name]


class PanelSettings:
    """Text values by name, and references to the volume and the segmentation, in one parameter node.

    Args:
        node: a function that returns the module's vtkMRMLScriptedModuleNode, also after the scene
            was closed.
    """

    def __init__(self, node: Callable[[], ScriptedNode]) -> None:
        self._node = node

    def get(self, name: str) -> str:
        """The text stored under a name; its default where nothing is stored that this version knows."""
        text = self._node().GetParameter(name)
        return text if text and isUnderstood(name, text) else DEFAULTS[name]

    def set(
        self,
        name: str,
        value: str | int | bool,
    ) -> None:
        """Store a text, number or bool under a name."""
        if name not in DEFAULTS:
            raise KeyError(name)
        text = str(int(value)) if isinstance(value, bool) else str(value)
        if self.get(name) != text:
            self._node().SetParameter(name, text)

    def isOn(self, name: str) -> bool:
        """Whether a bool is stored as true."""
        return self.get(name) == "1"

    def number(self, name: str) -> int:
        """A stored whole number."""
        return int(self.get(name))

    def nodes(self) -> tuple[VolumeNode | None, SegmentationNode | None]:
        """The (volume, segmentation) nodes chosen, None where there is none."""
        node = self._node()
        return node.GetNodeReference("volume"), node.GetNodeReference("segmentation")

    def setNodes(
        self, volumeNode: VolumeNode | None, segmentationNode: SegmentationNode | None
    ) -> None:
        """Remember the nodes chosen."""
        for role, node in (("volume", volumeNode), ("segmentation", segmentationNode)):
            nodeID = node.GetID() if node is not None else None
            if self._node().GetNodeReferenceID(role) != nodeID:
                self._node().SetNodeReferenceID(role, nodeID)


def sharedEditorNode(scene: Scene) -> EditorNode:
    """The Segment Editor's own node, made as the Segment Editor makes it where there is none."""
    node = scene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    if node is None:
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag("SegmentEditor")
        node = scene.AddNode(node)
    return node
