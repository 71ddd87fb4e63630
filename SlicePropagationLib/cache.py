"""`Cache`: what was found out about something and may be asked for again, within a limit."""

from collections.abc import Hashable
from typing import Any


class Cache:
    """Values under hashable keys.

    Where they take too much room, the ones that were not asked for the longest go.

    Args:
        most_bytes: room for all values together.
    """

    def __init__(self, most_bytes: int = 256 * 2**20) -> None:
        self._most_bytes = most_bytes
        self._num_bytes = 0
        self._values: dict[Hashable, tuple[Any, int]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Any:
        """The value kept under a key, or None."""
        found = self._values.pop(key, None)
        if found is None:
            return None
        self._values[key] = found  # a dict keeps the order of insertion, so this one goes last
        return found[0]

    def put(
        self,
        key: Hashable,
        value: Any,
        num_bytes: int,
    ) -> None:
        """Keep a value that takes `num_bytes`, unless it is larger than all the room."""
        if num_bytes > self._most_bytes:
            return
        _, replaced_bytes = self._values.pop(key, (None, 0))
        self._num_bytes += num_bytes - replaced_bytes
        self._values[key] = (value, num_bytes)
        while self._num_bytes > self._most_bytes:
            oldest = next(iter(self._values))
            _, freed_bytes = self._values.pop(oldest)
            self._num_bytes -= freed_bytes
