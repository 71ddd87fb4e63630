"""`Filling`: tells what a person chose from what a section filled in itself."""


class Filling:
    """True while a section fills its widgets, and never longer, whatever happens meanwhile."""

    def __init__(self):
        self._depth = 0

    def __enter__(self):
        self._depth += 1

    def __exit__(self, *problem):
        self._depth -= 1

    def __bool__(self):
        return self._depth > 0
