"""Signals as PythonQt connects them.

By signature, with surplus arguments dropped, and no exception where there is no such signal.
"""

import sys
import types

from PySide6 import QtCore

from host import facts, pqt


def num_accepted(function):
    """How many arguments PythonQt hands to a function or method; None for all of them."""
    is_method = isinstance(function, types.MethodType)
    plain = function.__func__ if is_method else function
    if (
        not isinstance(plain, types.FunctionType) or plain.__code__.co_flags & 4
    ):  # 4: takes *arguments
        return None
    return plain.__code__.co_argcount - is_method


def with_fewer_arguments(function):
    """The function, called with as many of the signal's arguments as it takes."""
    count = num_accepted(function)
    return (
        (lambda *arguments: function(*arguments))
        if count is None
        else (lambda *arguments: function(*arguments[:count]))
    )


def bound_signal(thing, signature):
    """PySide6's signal object for one overload."""
    own = getattr(type(thing), "_overloads", {}).get(signature)
    if own:
        return pqt._get(thing, own)
    name, _, arguments = signature.removesuffix(")").partition("(")
    signal = pqt._get(thing, name)
    try:
        return signal[arguments] if arguments else signal
    except (IndexError, TypeError):
        return signal


def connect(self, signal, *receiver):
    """connect('signal(type)', function) or connect('signal(type)', object, 'slot(type)').

    False and a line on stderr where there is no such signal. A signal of a Python class is none:
    only `thing.signal.connect(function)` connects it.
    """
    if not isinstance(
        signal,
        str,
    ):  # PySide6's own QTimer.singleShot comes this way, with the sender first
        return QtCore.QObject.connect(signal, *receiver)
    signature = facts.normalized(signal)
    class_name = pqt.class_name_of(self)
    present = facts.signals(class_name).get(signature) if class_name else None
    if present is None:
        frame = sys._getframe(1)
        if pqt.is_checked(frame.f_code.co_filename):
            pqt.report(
                class_name,
                signal,
                "no such signal",
                f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}",
            )
        print(
            f"QObject::connect() signal '{signal}' does not exist on {class_name}",
            file=sys.stderr,
        )
        return False
    function = (
        receiver[0] if len(receiver) == 1 else getattr(receiver[0], receiver[1].split("(")[0])
    )
    slot = with_fewer_arguments(function)
    bound_signal(self, signature).connect(slot)
    _connections(self).append((signature, function, slot))
    return True


def disconnect(self, signal, function=None, slot=None):
    """Undo `connect` of that function, or of all; False where there was none."""
    signature = facts.normalized(signal)
    wanted = getattr(function, slot.split("(")[0]) if slot else function
    kept = []
    found = False
    for connection in _connections(self):
        if (
            connection[0] == signature
            and (wanted is None or connection[1] == wanted)
            and not (found and wanted is not None)
        ):
            bound_signal(self, signature).disconnect(connection[2])
            found = True
        else:
            kept.append(connection)
    _connections(self)[:] = kept
    return found


def _connections(thing):
    return pqt._get(thing, "__dict__").setdefault("_host_connections", [])


def find_children(self, kind, name=""):
    """Children at any depth, by class or class name, and by object name.

    As in PythonQt before 4.1, what is below a child of another name is not looked at.
    """
    return tuple(child for child in _below(self, name) if _is_a(child, kind))


def _below(thing, name):
    """Children that have the name, or any where none is asked for, and those below them."""
    for child in pqt._get(thing, "children")():
        if not name or pqt._get(child, "objectName")() == name:
            yield child
            yield from _below(child, name)


def _is_a(thing, kind):
    return pqt._get(thing, "inherits")(kind) if isinstance(kind, str) else isinstance(thing, kind)


def find_child(self, kind, name=""):
    """The first child of that class and name, children before what is below them; or None."""
    children = pqt._get(self, "children")()
    found = [child for child in children if _is_a(child, kind)]
    named = [child for child in found if not name or pqt._get(child, "objectName")() == name]
    below = (find_child(child, kind, name) for child in children)
    return named[0] if named else next((child for child in below if child is not None), None)


METHODS = {
    "connect": connect,
    "disconnect": disconnect,
    "findChild": find_child,
    "findChildren": find_children,
}
