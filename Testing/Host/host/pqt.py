"""Makes PySide6 objects behave as PythonQt's.

Properties are attributes, no keyword arguments, and no name that Slicer does not show.

The names are checked where code of this project asks for them: a name that one of the supported
    Slicer versions lacks raises AttributeError, as it
would there, and is noted in `violations`. Qt's own code, Slicer's and the host's are not checked.
"""

import functools
import os
import sys
import threading
import types
from pathlib import Path

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets

from host import facts

QObject = QtCore.QObject
_get = QObject.__getattribute__
_set = QObject.__setattr__

HOST = str(Path(__file__).resolve().parent)
CHECK_PREFIX = []  # folders whose code is checked
violations = []  # what was asked for and does not exist: (class, name, what is wrong, file:line)
overrides = {}  # {name: function} that every object has as a method, `connect` for example

_reading = threading.local()
_checked_files = {}
_property_index = {}


# Who asks


def is_checked(filename):
    """Whether code of that file has to keep to what Slicer offers."""
    if filename not in _checked_files:
        is_ours = any(
            filename.startswith(folder) for folder in CHECK_PREFIX
        ) and not filename.startswith(HOST)
        _checked_files[filename] = (
            is_ours and "site-packages" not in filename
        )  # an environment may lie in the checkout
    return _checked_files[filename]


def check_code_in(folders):
    """Check the code below these folders from now on."""
    CHECK_PREFIX[:] = [str(folder) for folder in folders]
    _checked_files.clear()


def place_of(frame, name):
    """`file:line` of checked code that names `name`.

    None otherwise. Qt looks up overridden virtuals in whichever frame is at work.
    """
    code = frame.f_code
    is_named = name in code.co_names or name in code.co_consts
    return (
        f"{os.path.basename(code.co_filename)}:{frame.f_lineno}"  # often asked; a Path is slow
        if is_named and is_checked(code.co_filename)
        else None
    )


def is_asked_for(frame, name):
    """Whether the code at work has the name as a text too.

    `hasattr(widget, "name")` is a question, and no violation.
    """
    return name in frame.f_code.co_consts


def report(class_name, name, what, place):
    """Note a name that Slicer does not have; returns the sentence."""
    violations.append((class_name, name, what, place))
    return f"{class_name}.{name}: {what} ({place})"


# What an object is to Slicer


def class_name_of(thing):
    """The ctk, qMRML, qSlicer or Qt class that Slicer would call this object's."""
    return _name_of_kind(type(thing))


@functools.cache
def _name_of_kind(kind):
    for part in kind.__mro__:
        if "_slicer_class" in part.__dict__:
            return part.__dict__["_slicer_class"]
        if part.__module__.startswith("PySide6") and part.__name__ in facts.qt_classes():
            return part.__name__
    return None


def is_python_name(thing, name):
    """Whether a Python subclass outside of the host brings the name."""
    for part in type(thing).__mro__:
        if part.__module__.startswith("PySide6") or "_slicer_class" in part.__dict__:
            return False
        if name in part.__dict__ or name in _get(thing, "__dict__"):
            return True
    return False


def is_python_class(kind):
    """Whether a class was written in Python, so that its instances take new attributes."""
    return not kind.__module__.startswith("PySide6") and "_slicer_class" not in kind.__dict__


def child_named(thing, name):
    return next(
        (child for child in _get(thing, "children")() if _get(child, "objectName")() == name), None
    )


def _refusal(thing, name):
    """What is wrong with the name on this object, or empty."""
    class_name = class_name_of(thing)
    if class_name is None or is_python_name(thing, name):
        return ""
    member = facts.member(class_name, name)
    if member and member.kind != "hidden":
        return facts.limited(member.versions)
    if _get(thing, "property")(name) is not None or child_named(thing, name) is not None:
        return ""
    return "is C++ only and not visible from Python" if member else "does not exist in Slicer"


# Attributes


def _index_of_property(kind, name):
    """Position of a Qt property, or -1.

    A method of that name in a Python subclass hides it, as an overridden virtual does.
    """
    key = (kind, name)
    if key not in _property_index:
        owner = next((part for part in kind.__mro__ if name in part.__dict__), object)
        is_overridden = (
            is_python_class(owner) and owner is not object and callable(owner.__dict__[name])
        )
        is_function = (name, QtCore.QTimer in kind.__mro__) == ("singleShot", True)
        _property_index[key] = (
            -1 if is_overridden or is_function else kind.staticMetaObject.indexOfProperty(name)
        )
    return _property_index[key]


def _real_name(kind, name):
    """`name` is the object name, except where a class has a property of that name."""
    return (
        "objectName"
        if name == "name" and kind.staticMetaObject.indexOfProperty("name") < 0
        else name
    )


def _positional(method, name):
    """A method that refuses keyword arguments and returns tuples for lists."""

    def call(*arguments, **keywords):
        if keywords:
            raise ValueError(
                f"{name}() takes no keyword arguments in PythonQt, got {', '.join(keywords)}."
            )
        result = method(*arguments)
        return tuple(result) if type(result) is list else result

    call.__name__ = name
    return call


def _read_property(thing, name, index):
    """Read through the meta object.

    A host property that reads itself by the same name reaches the method instead.
    """
    reading = _reading.__dict__.setdefault("names", set())
    key = (id(thing), name)
    if key in reading:
        return _get(thing, name)
    reading.add(key)
    try:
        value = type(thing).staticMetaObject.property(index).read(thing)
    finally:
        reading.discard(key)
    return tuple(value) if type(value) is list else value


def _plain(thing, name):
    """A method, a Python attribute, a dynamic property or a child's name, in this order."""
    try:
        return _get(thing, name)
    except AttributeError:
        value = _get(thing, "property")(name)
        value = child_named(thing, name) if value is None else value
        if value is None:
            raise
        return value


def getattribute(self, name):
    """What `thing.name` gives."""
    if name.startswith("_"):
        return _get(self, name)
    place = place_of(sys._getframe(1), name)
    if place:
        refusal = _refusal(self, name)
        if refusal and is_asked_for(sys._getframe(1), name):
            raise AttributeError(f"{class_name_of(self)}.{name}: {refusal}")
        if refusal:
            raise AttributeError(report(class_name_of(self), name, refusal, place))
    name = "exec" if name == "exec_" else _real_name(type(self), name)
    if name in overrides and not is_python_name(self, name):
        return types.MethodType(overrides[name], self)
    index = _index_of_property(type(self), name)
    if index >= 0:
        return _read_property(self, name, index)
    value = _plain(self, name)
    is_native = isinstance(value, types.BuiltinMethodType) or (
        isinstance(value, types.MethodType) and not is_python_name(self, name)
    )
    return _positional(value, name) if place and is_native else value


def convert(value, type_name):
    """A value as PythonQt hands it to C++: anything for a text or a truth, numbers rounded down for whole ones.

    None is the text "None".

    Raises:
        AttributeError: a text where a number is wanted.
    """
    if type_name == "QString":
        return str(value)
    if type_name == "bool":
        return bool(value)
    if type_name in ("int", "uint", "double", "float"):
        if isinstance(value, str):
            raise AttributeError(f"Expected a number for {type_name}, got the text {value!r}.")
        return int(value) if type_name in ("int", "uint") else float(value)
    if type_name == "QStringList":
        return [str(item) for item in value]
    return value


def setattribute(self, name, value):
    """What `thing.name = value` does."""
    place = place_of(sys._getframe(1), name) if not name.startswith("_") else None
    name = _real_name(type(self), name)
    index = _index_of_property(type(self), name)
    if index >= 0:
        _write_property(self, name, index, value, place)
    elif place and not is_python_class(type(self)):
        _write_dynamic(self, name, value, place)
    else:
        _set(self, name, value)


def _write_property(thing, name, index, value, place):
    class_name = class_name_of(thing)
    if place:
        refusal = _refusal(thing, name)
        if refusal:
            raise AttributeError(report(class_name, name, refusal, place))
    prop = type(thing).staticMetaObject.property(index)
    known = facts.member(class_name, name) if class_name else None
    if not prop.isWritable() or (place and known and not known.is_writable):
        raise AttributeError(f"Property '{name}' of {class_name} is not writable.")
    if not prop.write(thing, convert(value, prop.typeName())):
        raise AttributeError(
            f"Property '{name}' of type '{prop.typeName()}' does not accept an object of type"
            f" {type(value).__name__}."
        )


def _write_dynamic(thing, name, value, place):
    member = facts.member(class_name_of(thing), name)
    if member is not None and member.kind != "hidden":
        raise AttributeError(
            report(class_name_of(thing), name, f"is a {member.kind} and cannot be assigned", place)
        )
    if _get(thing, "property")(name) is None:
        raise AttributeError(
            report(
                class_name_of(thing),
                name,
                "creating new attributes on C++ objects is not allowed",
                place,
            )
        )
    _get(thing, "setProperty")(name, value)


# Every class of Qt


def refuse_keywords(kind):
    """Make the constructor refuse keyword arguments from checked code."""
    original = kind.__init__

    def __init__(self, *arguments, **keywords):
        if keywords and is_checked(sys._getframe(1).f_code.co_filename):
            raise ValueError(
                f"{kind.__name__}() takes no keyword arguments in PythonQt, got"
                f" {', '.join(keywords)}."
            )
        original(self, *arguments, **keywords)

    kind.__init__ = __init__


def delete(thing):
    """Destroy the C++ object now."""
    shiboken6.delete(thing)


def install():
    """Change PySide6's classes, once a process."""
    if overrides:
        return
    from host import signals

    overrides.update(
        signals.METHODS,
        delete=delete,
        className=lambda thing: type(thing).staticMetaObject.className(),
    )
    found = (
        getattr(module, name)
        for module in (QtCore, QtGui, QtWidgets)
        for name in dir(module)
        if name.startswith("Q")
    )
    kinds = {kind for kind in found if isinstance(kind, type) and issubclass(kind, QObject)}
    for kind in kinds:
        if kind is not QObject:
            kind.__setattr__ = setattribute  # every class of Shiboken has a __setattr__ of its own
        refuse_keywords(kind)
    QObject.__getattribute__ = getattribute
