"""For the type checker alone: ITK loads its filters when they are asked for, so each may be anything."""

from typing import Any

def __getattr__(name: str) -> Any: ...
