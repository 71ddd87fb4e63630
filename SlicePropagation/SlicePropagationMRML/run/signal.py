"""`Signal`: who tells something does not know who listens."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Signal(Generic[Value]):
    """A list of listeners; each is called, in order, with every value that is emitted."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Value], object]] = []

    def connect(self, listener: Callable[[Value], object]) -> None:
        """Call a listener from now on; once a value, also when it is connected twice."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def disconnect(self, listener: Callable[[Value], object]) -> None:
        """Call it no longer; nothing happens when it was not connected."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, value: Value) -> None:
        """Tell those who are connected now; an error of a listener is the caller's."""
        for listener in tuple(self._listeners):
            listener(value)
