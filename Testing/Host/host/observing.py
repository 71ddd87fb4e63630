"""Observers of VTK objects that belong to a widget and end with it."""

import weakref

import shiboken6
from PySide6 import QtCore


def while_alive(widget, method_name):
    """A slot that calls the widget's method as long as there is a widget.

    And does not keep it alive.
    """
    reference = weakref.ref(widget)

    def call(*arguments):
        alive = reference()
        if alive is not None and shiboken6.isValid(alive):
            getattr(alive, method_name)()

    return call


def stop_observing(widget):
    """A widget that is about to go, and all in it, observe nothing any more."""
    for part in (widget, *widget.findChildren(QtCore.QObject)):
        for value in list(vars(part).values()):
            if isinstance(value, Observations):
                value.remove_all()


class Observations:
    """Keeps the observers that a widget has set.

    A second one of the same object and event is not set.

    Args:
        owner: the widget; observers do not keep it alive, and none is called after its C++ object
            is gone.
    """

    def __init__(self, owner):
        self._owner = weakref.ref(owner)
        self._tags = {}

    def add(self, thing, event, method):
        """Call `method(thing, event name)`, a method of the owner, at each event."""
        if (thing, event) in self._tags:
            return
        function = method.__func__
        owner = self._owner

        def call(caller, name):
            widget = owner()
            if widget is not None and shiboken6.isValid(widget):
                function(widget, caller, name)
            else:
                self.remove_all()

        self._tags[thing, event] = thing.AddObserver(event, call)

    def remove_all(self):
        """Observe nothing any more."""
        tags = self._tags
        self._tags = {}
        for (thing, _), tag in tags.items():
            thing.RemoveObserver(tag)
