"""Makes the ctk, qMRML and qSlicer classes from the facts.

Those that matter get their behaviour from the modules that call `behaviour`.

A property without behaviour is stored and read back. A slot without behaviour does nothing and is
noted in `stub_calls`; a method that should return something raises HostError, so that nothing is
tested against an answer that was made up.
"""

import re
import sys
import types

from PySide6 import QtCore, QtGui, QtWidgets

from host import facts, pqt

PYTHON_TYPES = {
    "QString": str,
    "bool": bool,
    "int": int,
    "double": float,
    "float": float,
    "QColor": QtGui.QColor,
    "QIcon": QtGui.QIcon,
    "QSize": QtCore.QSize,
    "QStringList": "QStringList",
}
EMPTY = {
    "QString": "",
    "bool": False,
    "int": 0,
    "double": 0.0,
    "float": 0.0,
    "QStringList": [],
}

classes = {}  # {name: class} made so far
stub_calls = []  # (class, method, number of arguments) of calls that did nothing
_behaviours = {}
DEFAULTS = {}  # {class: {property: value}} where a new object does not start empty


class HostError(NotImplementedError):
    """Slicer has this member, and the host does not act it out yet."""


def behaviour(class_name, /, **defaults):
    """A class decorator: the members below are what the host's class of that name does.

    Args:
        defaults: what stored properties of a new object hold.
    """

    def take(mixin):
        _behaviours[class_name] = mixin
        DEFAULTS[class_name] = defaults
        return mixin

    return take


def stored(thing):
    """{property: value} of an object's properties without behaviour of their own."""
    state = pqt._get(thing, "__dict__")
    if "_host_properties" not in state:
        state["_host_properties"] = {
            name: value
            for part in reversed(facts.chain(type(thing)._slicer_class))
            for name, value in DEFAULTS.get(part, {}).items()
        }
    return state["_host_properties"]


def changed(thing, name):
    """Call `_name_changed` where the behaviour has one."""
    method = getattr(type(thing), f"_{name}_changed", None)
    if method:
        method(thing)


def make_property(name, type_name, is_writable):
    """A Qt property that is stored and read back."""

    def read(self):
        value = stored(self).get(name, EMPTY.get(type_name))
        return list(value) if type_name == "QStringList" else value

    def write(self, value):
        stored(self)[name] = pqt.convert(value, type_name)
        changed(self, name)

    return QtCore.Property(
        PYTHON_TYPES.get(type_name, "QVariant"),
        read,
        write if is_writable else None,
    )


def make_method(class_name, name, calls, properties):
    """What a method does that has no behaviour.

    Set the property it is named after, nothing, or refuse.
    """
    match = re.fullmatch(r"set([A-Z])(\w*)", name)
    prop = match and match.group(1).lower() + match.group(2)
    if prop in properties:

        def setter(self, value):
            self.setProperty(prop, value)

        return setter
    if any(call[1] for call in calls):

        def refuse(self, *arguments):
            raise HostError(f"{class_name}.{name} exists in Slicer; the host does not act it out.")

        return refuse

    def nothing(self, *arguments):
        stub_calls.append((class_name, name, len(arguments)))

    return nothing


def make_signals(entry, inherited):
    """({attribute: Signal}, {signature: attribute}).

    An attribute for the first overload, hidden ones for the rest.
    """
    found = {}
    overloads = dict(inherited)
    for signature in entry["signals"]:
        name, _, arguments = signature.removesuffix(")").partition("(")
        kinds = [
            PYTHON_TYPES[part] if isinstance(PYTHON_TYPES.get(part), type) else object
            for part in arguments.split(",")
            if part
        ]
        attribute = name if name not in found else f"_{name}_{len(found)}"
        found[attribute] = QtCore.Signal(*kinds)
        overloads[signature] = attribute
    return found, overloads


def emit(thing, signature, *arguments):
    """Emit one overload of a signal of a host class."""
    pqt._get(thing, type(thing)._overloads[signature]).emit(*arguments)


def _qt_class(name):
    return next(
        (getattr(module, name) for module in (QtWidgets, QtCore, QtGui) if hasattr(module, name)),
        QtCore.QObject,
    )


def build(name):
    """The host's class of that name."""
    if name in classes:
        return classes[name]
    entry = facts.slicer_classes()[name]
    base = (
        build(entry["base"])
        if entry["base"] in facts.slicer_classes()
        else _qt_class(entry["base"] or "QObject")
    )
    signals, overloads = make_signals(entry, getattr(base, "_overloads", {}))
    members = {
        "_slicer_class": name,
        "__module__": "ctk" if name.startswith("ctk") else "slicer",
        "_overloads": overloads,
        **signals,
    }
    for prop, (type_name, is_writable, _) in entry["properties"].items():
        members[prop] = make_property(prop, type_name, is_writable)
    parts = [
        entry,
        *(
            facts.slicer_classes()[part]
            for part in entry.get("also", ())
            if part in facts.slicer_classes()
        ),
    ]
    for method, calls in (
        (method, calls) for part in parts for method, calls in part["methods"].items()
    ):
        if method not in members and not hasattr(base, method):
            members[method] = make_method(name, method, calls, entry["properties"])
    members.update(
        {
            value: number
            for values in entry.get("enums", {}).values()
            for number, value in enumerate(values)
        }
    )
    members.setdefault("__init__", _default_init(base))
    for part in reversed(_behaviours.get(name, object).__mro__[:-1]):
        members.update(
            {
                key: value
                for key, value in vars(part).items()
                if key not in ("__dict__", "__weakref__", "__module__", "__qualname__", "__doc__")
            }
        )
    classes[name] = type(base)(name, (base,), members)
    pqt.refuse_keywords(classes[name])
    return classes[name]


def _default_init(base):
    def __init__(self, *arguments):
        base.__init__(self, *arguments)

    return __init__


def build_all():
    """Make every class of the facts and the module `ctk`.

    The qMRML and qSlicer classes go into `slicer`.
    """
    import slicer

    ctk = types.ModuleType("ctk")
    for name, entry in facts.slicer_classes().items():
        made = build(name)
        if not entry.get("isAbstract"):
            setattr(ctk if name.startswith("ctk") else slicer, name, made)
    sys.modules["ctk"] = ctk
    return len(classes)
