"""Observers of VTK objects that are removed together."""


class Observations:
    """Keeps the observers a widget has set; a second one of the same object, event and function is not set."""

    def __init__(self):
        self._tags = {}

    def add(self, thing, event, function):
        """Call `function(thing, event name)` at each event."""
        key = (thing, event)
        if key not in self._tags:
            self._tags[key] = thing.AddObserver(event, function)

    def remove_all(self):
        for (thing, _), tag in self._tags.items():
            thing.RemoveObserver(tag)
        self._tags.clear()
