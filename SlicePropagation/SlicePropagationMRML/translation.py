"""Slicer's translation of texts.

Where there is only slicer-core, which has none, a text stays as it is.
"""

from collections.abc import Callable


def _same(text: str) -> str:
    """The text itself."""
    return text


def _translation() -> Callable[[str], str]:
    """Slicer's function where there is one."""
    try:
        from slicer.i18n import tr as translate
    except ImportError:
        return _same
    return translate


tr = _translation()
