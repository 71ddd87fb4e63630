"""Which ctk, qMRML, qSlicer or Qt class an expression of a source has.

As far as the source says.
"""

import ast

from host import facts

LIBRARIES = ("qt", "ctk", "slicer")
# What Slicer's base classes give a module, an effect and a widget.
KNOWN_ATTRIBUTES = {"scriptedEffect": "qSlicerSegmentEditorScriptedEffect"}
# What virtual functions get, and what some members of Qt give; the facts hold names only.
EVENTS = {
    "mousePressEvent": "QMouseEvent",
    "mouseMoveEvent": "QMouseEvent",
    "mouseReleaseEvent": "QMouseEvent",
    "mouseDoubleClickEvent": "QMouseEvent",
    "keyPressEvent": "QKeyEvent",
    "keyReleaseEvent": "QKeyEvent",
    "paintEvent": "QPaintEvent",
    "resizeEvent": "QResizeEvent",
    "wheelEvent": "QWheelEvent",
    "eventFilter": "QEvent",
    "event": "QEvent",
}
RESULTS = {
    "palette": "QPalette",
    "font": "QFont",
    "rect": "QRect",
    "geometry": "QRect",
    "size": "QSize",
    "cursor": "QCursor",
    "fontMetrics": "QFontMetrics",
    "horizontalHeader": "QHeaderView",
    "verticalHeader": "QHeaderView",
}


def dotted(node):
    """`a.b.c` as a text; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def class_named(node):
    """The class that `qt.QWidget`, `ctk.ctkComboBox` or `slicer.qMRMLWidget` names, or None."""
    if (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in LIBRARIES
        and node.attr[:1] in "Qqc"
    ):
        return node.attr
    return None


class OwnClass:
    """A class of ours that derives from a class of Qt: what it adds is ours, the rest is Qt's."""

    def __init__(self, node, base):
        self.name = node.name
        self.base = base
        self.names = {
            part.name for part in node.body if isinstance(part, (ast.FunctionDef, ast.ClassDef))
        }
        self.names |= {
            target.id
            for part in node.body
            if isinstance(part, ast.Assign)
            for target in part.targets
            if isinstance(target, ast.Name)
        }
        self.names |= {
            part.attr
            for part in ast.walk(node)
            if isinstance(part, ast.Attribute)
            and isinstance(part.ctx, ast.Store)
            and dotted(part.value) == "self"
        }
        self.signals = {
            target.id
            for part in node.body
            if isinstance(part, ast.Assign)
            and isinstance(part.value, ast.Call)
            and dotted(part.value.func) == "qt.Signal"
            for target in part.targets
        }


def own_classes(trees):
    """{name: OwnClass} of the classes in these sources that derive from Qt.

    Also through one another.
    """
    found = {}
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for _ in nodes:  # a class may stand before its base
        for node in nodes:
            for base in node.bases:
                parent = class_named(base) or (
                    found[base.id].base if isinstance(base, ast.Name) and base.id in found else None
                )
                if parent and node.name not in found and facts.is_known(parent):
                    found[node.name] = OwnClass(node, parent)
                    if isinstance(base, ast.Name):
                        found[node.name].names |= found[base.id].names
    return found


class Types:
    """What is known about names while a source is walked.

    Args:
        widgets: {object name: class} of all .ui files.
        own: {name: OwnClass}.
    """

    def __init__(self, widgets, own):
        self.widgets = widgets
        self.own = own
        self.attributes = {}  # {attribute name: class}, of `self.x = ...` anywhere in the class
        self.local = {}

    def of(self, node):
        """The class of an expression, or None."""
        if isinstance(node, ast.Name):
            return self.local.get(node.id)
        if isinstance(node, ast.Attribute):
            return self._of_attribute(node)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.IfExp):
            return self.of(node.body) or self.of(node.orelse)
        return None

    def is_ui(self, node):
        """Whether an expression holds the widgets of a .ui file by name.

        `ui`, `self.ui`, `panel.ui`.
        """
        return (isinstance(node, ast.Name) and node.id == "ui") or (
            isinstance(node, ast.Attribute) and node.attr in ("ui", "_ui")
        )

    def _of_attribute(self, node):
        path = dotted(node)
        if path == "slicer.app":
            return "qSlicerApplication"
        if self.is_ui(node.value):
            return self.widgets.get(node.attr)
        if node.attr in KNOWN_ATTRIBUTES:
            return KNOWN_ATTRIBUTES[node.attr]
        if dotted(node.value) == "self" and node.attr in self.attributes:
            return self.attributes[node.attr]
        return self._of_result(node, "property")

    def _of_result(self, node, kind):
        owner = self.of(node.value)
        member = self.member(owner, node.attr) if owner else None
        return RESULTS.get(node.attr) if member and member.kind == kind else None

    def _of_call(self, node):
        named = class_named(node.func)
        if named:
            return named if facts.is_known(named) else None
        if isinstance(node.func, ast.Name) and node.func.id in self.own:
            return node.func.id
        if isinstance(node.func, ast.Attribute):
            owner = self.of(node.func.value)
            member = self.member(owner, node.func.attr) if owner else None
            results = [
                (result or "").replace("const", "").strip(" *&")
                for result in (member.results if member else ())
            ]
            return next(
                (result for result in results if facts.is_known(result)), None
            ) or self._of_result(node.func, "method")
        return None

    def each(self, node):
        """The class of what a loop over a written list or tuple gives, or None.

        A list of classes where the entries are tuples.
        """
        entries = node.elts if isinstance(node, (ast.Tuple, ast.List)) else []
        if entries and all(isinstance(entry, ast.Tuple) for entry in entries):
            columns = zip(*(entry.elts for entry in entries), strict=False)
            return [self._common(column) for column in columns]
        return self._common(entries)

    def _common(self, nodes):
        kinds = {self.of(node) for node in nodes}
        return kinds.pop() if len(kinds) == 1 else None

    def bind(self, target, kind):
        """Remember what a loop variable, or a tuple of them, is."""
        if isinstance(target, ast.Name):
            self.local[target.id] = kind if not isinstance(kind, list) else None
        elif isinstance(target, ast.Tuple):
            kinds = (
                kind
                if isinstance(kind, list) and len(kind) == len(target.elts)
                else [None] * len(target.elts)
            )
            for part, one in zip(target.elts, kinds, strict=False):
                self.bind(part, one)

    def base(self, class_name):
        """The class of Qt or Slicer behind a class of ours."""
        return self.own[class_name].base if class_name in self.own else class_name

    def member(self, class_name, name):
        """The facts' member; for a class of ours only what it does not bring itself."""
        return facts.member(self.base(class_name), name)

    def is_own_name(self, class_name, name):
        return class_name in self.own and name in self.own[class_name].names
