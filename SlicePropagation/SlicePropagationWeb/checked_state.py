"""The page's state stays usable: a choice that there is not is put back at once, with a sentence."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from SlicePropagationWeb.allowed_values import PANEL, is_choice
from SlicePropagationWeb.panel_state import PanelState

if TYPE_CHECKING:
    from trame_server.state import State

MAX_SHOWN = 40  # signs of a value in a sentence


def shown(value: object) -> str:
    """A value as a person reads it: without control signs, and not too long."""
    text = value if isinstance(value, str) else repr(value)
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[: MAX_SHOWN + 1])
    return clean if len(clean) <= MAX_SHOWN else f"{clean[:MAX_SHOWN]}…"


def refusal(name: str, value: object, holds: object) -> str:
    """What to say of a value that cannot be."""
    return f"'{shown(value)}' cannot be the {_spoken(name)}; it stays '{shown(holds)}'."


def _spoken(name: str) -> str:
    """The name of a value of the state, as people say it."""
    parts = [part for part in name.split("__") if part and not part.endswith(("State", "value"))]
    said = parts[1:] if name.startswith(PANEL) else parts
    return shown(" ".join(said).replace("_", " "))


class CheckedState:
    """Watches the values of the PanelState, whoever sets them.

    Args:
        state: of the trame server.
        say: called with the sentence about a value that was put back.
    """

    def __init__(self, state: "State", say: Callable[[str], None]) -> None:
        self._state = state
        self._say = say
        defaults = PanelState()
        self._types = {
            f"{PANEL}{field.name}": _type_of(getattr(defaults, field.name))
            for field in fields(PanelState)
        }
        self._usable: dict[str, Any] = {key: state[key] for key in self._types}
        state.change(*self._types)(self._changed)

    def _changed(self, **_: Any) -> None:
        for key in self._state.modified_keys & self._types.keys():
            value = self._state[key]
            if self._is_usable(key, value):
                self._usable[key] = value
            else:
                self._state[key] = self._usable[key]
                self._say(refusal(key, value, self._usable[key]))

    def _is_usable(self, key: str, value: object) -> bool:
        expected = self._types[key]
        if expected is not None and type(value) is not expected:
            return False
        return is_choice(key.removeprefix(PANEL), value, self._state)


def _type_of(default: object) -> type | None:
    """The type that a value keeps; None where it may be of several."""
    return None if default is None else type(default)
