"""Checks that sources use only what Slicer 5.10, 5.12 and main all have, by PythonQt's rules, without running them.

Usage: python Testing/Host/contract.py [FOLDER ...]      default: SlicePropagation, Resources/UI and
    Testing/Slicer
"""

import argparse
import ast
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from contract_calls import check_keywords
from contract_types import EVENTS, Types, class_named, dotted, own_classes
from contract_ui import Finding, check_ui, widget_classes
from host import facts
from host.facts import limited

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT = (
    CHECKOUT / "SlicePropagation",
    CHECKOUT / "Resources" / "UI",
    CHECKOUT / "Testing" / "Slicer",
)
PYTHON_MODULES = ("slicer.util", "slicer.i18n", "slicer.ScriptedLoadableModule", "slicer.packaging")
GUARDS = {"ImportError", "ModuleNotFoundError", "AttributeError"}


class Check(ast.NodeVisitor):
    """Walks one source.

    `findings` and `num_checked`, the accesses whose class was known, are its result.
    """

    def __init__(self, path, types):
        self.path = path
        self.types = types
        self.findings = []
        self.num_checked = 0
        self._num_guards = 0

    def report(self, node, message):
        self.findings.append(Finding(self.path.name, node.lineno, message))

    def report_versions(self, node, what, versions):
        """A name that some version lacks may be used where its absence is caught."""
        if limited(versions) and not self._num_guards:
            self.report(node, f"{what}: {limited(versions)}")

    # Where we are

    def visit_ClassDef(self, node):
        before = self.types.attributes, self.types.local
        self.types.attributes = {}
        self.types.local = dict(before[1])
        if node.name in self.types.own:
            self.types.local["self"] = node.name
        for base in node.bases:
            named = class_named(base)
            if named in facts.slicer_classes():
                self.report(
                    node,
                    f"{named}: Python cannot override the virtual functions of this class; hold one"
                    " instead of deriving from it",
                )
        for part in ast.walk(
            node
        ):  # attributes are known before the methods that use them are walked
            if isinstance(part, ast.Assign):
                self._learn(part)
        self.generic_visit(node)
        self.types.attributes, self.types.local = before

    def visit_FunctionDef(self, node):
        before = dict(self.types.local)
        names = [argument.arg for argument in node.args.args if argument.arg != "self"]
        self.types.local.update(dict.fromkeys(names))
        if (
            self.types.local.get("self") in self.types.own
            and getattr(node, "name", "") in EVENTS
            and names
        ):
            self.types.local[names[-1]] = EVENTS[node.name]
        self.generic_visit(node)
        self.types.local = before

    visit_Lambda = visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Try(self, node):
        caught = {
            name
            for handler in node.handlers
            for name in [
                getattr(part, "id", "")
                for part in ast.walk(handler.type or ast.Name("ImportError"))
            ]
        }
        guards = bool(caught & GUARDS)
        self._num_guards += guards
        for part in node.body:
            self.visit(part)
        self._num_guards -= guards
        for part in [*node.handlers, *node.orelse, *node.finalbody]:
            self.visit(part)

    def visit_If(self, node):
        guards = any(
            isinstance(part, ast.Call) and dotted(part.func) == "hasattr"
            for part in ast.walk(node.test)
        )
        self.visit(node.test)
        self._num_guards += guards
        for part in node.body:
            self.visit(part)
        self._num_guards -= guards
        for part in node.orelse:
            self.visit(part)

    # Names that come from Slicer's Python modules

    def visit_ImportFrom(self, node):
        if node.module in PYTHON_MODULES:
            for alias in node.names:
                self._check_python_name(node, node.module, alias.name)

    def _check_python_name(self, node, module, name):
        versions = facts.python_versions(module, name)
        if not versions:
            self.report(node, f"{module}.{name}: no such name")
        self.report_versions(node, f"{module}.{name}", versions or facts.VERSIONS)

    # Assignments

    def _learn(self, node):
        for target in node.targets:
            if (
                isinstance(target, ast.Tuple)
                and isinstance(node.value, ast.Tuple)
                and len(target.elts) == len(node.value.elts)
            ):
                for part, value in zip(target.elts, node.value.elts, strict=False):
                    self._learn_one(part, self.types.of(value))
            else:
                self._learn_one(target, self.types.of(node.value))

    def _learn_one(self, target, kind):
        if isinstance(target, ast.Name):
            self.types.local[target.id] = kind
        elif isinstance(target, ast.Attribute) and dotted(target.value) == "self" and kind:
            self.types.attributes[target.attr] = kind

    def visit_Assign(self, node):
        self.visit(node.value)
        self._learn(node)
        for target in node.targets:
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(part, ast.Attribute):
                    self._check_write(part)
                else:
                    self.visit(part)

    def visit_For(self, node):
        """`for button in (ui.keepButton, ui.discardButton)` tells the class of `button`.

        It does where all agree.
        """
        self.types.bind(node.target, self.types.each(node.iter))
        self.generic_visit(node)

    def _visit_comprehension(self, node):
        before = dict(self.types.local)
        for part in node.generators:
            self.types.bind(part.target, self.types.each(part.iter))
        self.generic_visit(node)
        self.types.local = before

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def _check_write(self, node):
        self.visit(node.value)
        kind = self.types.of(node.value)
        if kind is None or self.types.is_own_name(kind, node.attr):
            return
        self.num_checked += 1
        member = self.types.member(kind, node.attr)
        what = f"{self.types.base(kind)}.{node.attr}"
        if member is None or member.kind == "hidden":
            self.report(
                node,
                f"{what}: no such property, and new attributes on C++ objects are not allowed",
            )
        elif member.kind != "property":
            self.report(node, f"{what}: is a {member.kind} and cannot be assigned")
        elif not member.is_writable:
            self.report(node, f"{what}: cannot be written")
        else:
            self.report_versions(node, what, member.versions)

    # Reads and calls

    def visit_Attribute(self, node):
        self.generic_visit(node)
        named = class_named(node)
        if named:
            self._check_class(node, named)
            return
        owner = class_named(node.value)
        if owner and facts.is_known(owner):
            self._check_static(node, owner)
        elif dotted(node.value) in PYTHON_MODULES:
            self._check_python_name(node, dotted(node.value), node.attr)
        elif (
            self.types.is_ui(node.value)
            and self.types.widgets
            and node.attr not in self.types.widgets
        ):
            self.report(node, f"ui.{node.attr}: no widget of that name in the .ui files")
        else:
            self._check_read(node)

    def _check_class(self, node, named):
        entry = facts.slicer_classes().get(named, {})
        if (
            not facts.is_known(named)
            and dotted(node.value) != "slicer"
            or not facts.is_known(named)
            and named.startswith(("qMRML", "qSlicer"))
        ):
            self.report(node, f"{dotted(node)}: unknown class")
        elif entry:
            self.report_versions(node, dotted(node), tuple(entry.get("in") or facts.VERSIONS))

    def _check_static(self, node, owner):
        """`qt.Qt.AlignLeft`, `qt.QTimer.singleShot`, `qt.QWidget.paintEvent`."""
        if node.attr.startswith("__"):
            return
        self.num_checked += 1
        member = facts.member(owner, node.attr)
        if member is None or member.kind == "hidden":
            self.report(node, f"{owner}.{node.attr}: no such name")
            return
        if node.attr in facts.enums(owner) and node.attr not in {
            value for values in facts.enums(owner).values() for value in values
        }:
            self.report(
                node,
                f"{owner}.{node.attr}: scoped enum; write {owner}.VALUE without {node.attr}",
            )
        self.report_versions(node, f"{owner}.{node.attr}", member.versions)

    def _check_read(self, node):
        kind = self.types.of(node.value)
        if kind is None or self.types.is_own_name(kind, node.attr):
            if kind is None:
                self._check_mrml(node)
            return
        self.num_checked += 1
        member = self.types.member(kind, node.attr)
        what = f"{self.types.base(kind)}.{node.attr}"
        if member is None:
            self.report(node, f"{what}: no such name")
        elif member.kind == "hidden":
            self.report(node, f"{what}: C++ only, not visible from Python")
        else:
            self.report_versions(node, what, member.versions)

    def _check_mrml(self, node):
        if node.attr[:1].isupper():
            self.report_versions(node, f".{node.attr}", facts.mrml_versions(node.attr))

    def visit_Call(self, node):
        self.generic_visit(node)
        name = dotted(node.func)
        if not self._num_guards:
            check_keywords(node, self.report)
        if name == "isinstance" and len(node.args) == 2:
            self._check_isinstance(node)
        named = class_named(node.func)
        if not isinstance(node.func, ast.Attribute):
            if (
                name in self.types.own
                and node.keywords
                and "__init__" not in self.types.own[name].names
            ):
                self.report(node, f"{self.types.base(name)}(): keyword arguments")
            return
        kind = self.types.of(node.func.value)
        is_ours = kind is not None and self.types.is_own_name(kind, node.func.attr)
        is_static = class_named(node.func.value) and facts.is_known(class_named(node.func.value))
        if (
            node.keywords
            and not is_ours
            and (kind or is_static or (named and facts.is_known(named)))
        ):
            self.report(
                node,
                f"{name or node.func.attr}(): keyword arguments"
                f" {', '.join(word.arg or '**' for word in node.keywords)}; PythonQt takes none",
            )
        if kind and not is_ours:
            member = self.types.member(kind, node.func.attr)
            if member and member.kind == "property":
                self.report(
                    node,
                    f"{self.types.base(kind)}.{node.func.attr}: is a property; read it without"
                    " calling",
                )
        if node.func.attr in ("connect", "disconnect"):
            self._check_connect(node, kind)

    def _check_isinstance(self, node):
        kinds = node.args[1].elts if isinstance(node.args[1], ast.Tuple) else [node.args[1]]
        for kind in kinds:
            if class_named(kind) and "QObject" in facts.chain(class_named(kind)):
                self.report(
                    node,
                    f"isinstance with {dotted(kind)}: False in PythonQt even for what derives from"
                    " it; use inherits() or className()",
                )

    def _own_signals(self):
        """Names of the signals that classes of ours declare."""
        return set().union(*(own.signals for own in self.types.own.values()))

    def _check_connect(self, node, kind):
        if any(
            dotted(part.func).split(".")[-1] == "partial"
            for part in node.args
            if isinstance(part, ast.Call)
        ):
            self.report(
                node,
                "connect with partial: gets every argument of the signal in PythonQt; use a lambda",
            )
        first = node.args[0] if node.args else None
        if not (
            isinstance(first, ast.Constant) and isinstance(first.value, str) and "(" in first.value
        ):
            return
        signature = facts.normalized(first.value)
        if signature.split("(")[0] in self._own_signals():
            self.report(
                node,
                f"'{first.value}': a signal of a Python class cannot be connected by a text;"
                " write thing.signal.connect(function)",
            )
            return
        if kind:
            self.num_checked += 1
            versions = facts.signals(self.types.base(kind)).get(signature)
            owner = self.types.base(kind)
        else:  # of an unknown object: some class must have it
            owner = "any class"
            versions = next(
                (
                    facts.signals(name)[signature]
                    for name in (*facts.slicer_classes(), *facts.qt_classes())
                    if signature in facts.signals(name)
                ),
                None,
            )
        if versions is None:
            self.report(node, f"'{first.value}': no such signal of {owner}")
        else:
            self.report_versions(node, f"'{first.value}'", versions)


def check(folders):
    """(findings, count) below the folders.

    All findings in order, and how many accesses were of a known class.
    """
    files = sorted(
        {
            path
            for folder in folders
            for path in Path(folder).rglob("*")
            if path.suffix in (".py", ".ui") and "__pycache__" not in path.parts
        }
    )
    uis = [path for path in files if path.suffix == ".ui"]
    sources = [path for path in files if path.suffix == ".py"]
    widgets = {name: kind for path in uis for name, kind in widget_classes(path).items()}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources}
    own = own_classes(trees.values())
    findings = [finding for path in uis for finding in check_ui(path)]
    count = 0
    for path, tree in trees.items():
        one = Check(path, Types(widgets, own))
        one.visit(tree)
        findings += one.findings
        count += one.num_checked
    return sorted(set(findings)), count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        default=DEFAULT,
    )
    findings, count = check(parser.parse_args().folders)
    for finding in findings:
        print(finding)
    print(f"{count} accesses checked, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
