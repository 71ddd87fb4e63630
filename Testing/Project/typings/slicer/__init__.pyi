"""For the type checker alone: Slicer's classes come from C++ and bring no types, so each may be anything."""

from typing import Any

def __getattr__(name: str) -> Any: ...
