"""`Notes`: what was found out about something and may be asked for again, within a limit of memory."""


class Notes:
    """Values under hashable keys.

    Where they take too much room, the ones that were not asked for the longest go.

    Args:
        most_bytes: room for all values together.
    """

    def __init__(self, most_bytes=256 * 2**20):
        self._most_bytes = most_bytes
        self._num_bytes = 0
        self._values = {}

    def __len__(self):
        return len(self._values)

    def recall(self, key):
        """The value kept under a key, or None."""
        found = self._values.pop(key, None)
        if found is None:
            return None
        self._values[key] = found  # a dict keeps the order of insertion, so this one goes last
        return found[0]

    def keep(self, key, value, num_bytes):
        """Keep a value that takes `num_bytes`, unless it is larger than all the room."""
        if num_bytes > self._most_bytes:
            return
        self._num_bytes += num_bytes - self._values.pop(key, (None, 0))[1]
        self._values[key] = value, num_bytes
        while self._num_bytes > self._most_bytes:
            self._num_bytes -= self._values.pop(next(iter(self._values)))[1]
