"""What a message of a browser may be: the page's own kinds, with values that can be.

A message names a method and its arguments. Whatever is not on the lists here is refused before it
reaches the method.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

from SlicePropagationWeb.allowed_values import is_number, is_text, is_whole
from SlicePropagationWeb.pointer_path import KEY as PATH
from SlicePropagationWeb.pointer_path import MAX_POINTS

MAX_BYTES = 1 << 20  # of a message; uploads do not come this way
MAX_SIDE = 16384  # pixels of a view
MAX_RATIO = 8  # pixels of the screen to one of the page
MAX_PLACE = 100_000  # pixels from a corner of a view, also outside of it
MAX_CHANGES = 100  # values in a message
MAX_PARTS = 40  # of a mouse or key event
MAX_ERROR = 2000  # signs of an error that a browser tells of
LIFE = ("client_connected", "client_exited", "client_unmounted")
OPEN_TRIGGERS = ("enter", "take_over")
OPEN_METHODS = ("trame.state.get", "trame.error.client")
HELLO = "wslink.hello"
EVENT_STEPS = ("Start", "", "End")
EVENTS = {
    *(
        f"{button}Button{what}"
        for button in ("Left", "Middle", "Right")
        for what in ("Press", "Release")
    ),
    *(
        f"{step}{what}"
        for what in ("MouseMove", "MouseWheel", "Pinch", "Pan", "Rotate")
        for step in EVENT_STEPS
    ),
    *(f"{step}InteractionEvent" for step in EVENT_STEPS),
    *("MouseEnter", "MouseLeave", "KeyDown", "KeyPress", "KeyUp", "Tap", "LongTap", "Swipe"),
}

Check = Callable[[list[Any], "Known"], bool]


class Known:
    """What there is at the server now.

    Args:
        triggers: names of what the page's own code may call.
        views: names of the views.
    """

    def __init__(
        self,
        triggers: Collection[str],
        views: Collection[str],
    ) -> None:
        self.triggers = triggers
        self.views = views


def is_message(message: object) -> bool:
    """Whether what came is a message at all."""
    if not isinstance(message, dict):
        return False
    is_call = is_text(message.get("id")) and is_text(message.get("method"))
    has_lists = isinstance(message.get("args", []), list)
    return is_call and has_lists and not message.get("kwargs")


def is_greeting(message: dict[str, Any]) -> bool:
    """Whether a message is the one that a connection begins with."""
    return message["method"] == HELLO and message["id"].startswith("system:")


def is_open(message: dict[str, Any]) -> bool:
    """Whether a message may come from a tab that does not have the session.

    A greeting may, and the wish to have it.
    """
    if message["method"] == "trame.trigger":
        return _first(message) in OPEN_TRIGGERS
    if message["method"] == "trame.lifecycle.update":
        return _first(message) in LIFE
    return message["method"] in OPEN_METHODS or is_greeting(message)


def may_come(message: dict[str, Any], known: Known) -> bool:
    """Whether a message is of a kind that the page sends."""
    if is_greeting(message):
        return True
    check = METHODS.get(message["method"])
    return check is not None and check(message.get("args", []), known)


def _first(message: dict[str, Any]) -> object:
    return next(iter(message.get("args", [])), None)


def _nothing(arguments: list[Any], known: Known) -> bool:
    return not arguments


def _life(arguments: list[Any], known: Known) -> bool:
    return len(arguments) == 1 and arguments[0] in LIFE


def _error(arguments: list[Any], known: Known) -> bool:
    return len(arguments) == 1 and isinstance(arguments[0], str)


def _trigger(arguments: list[Any], known: Known) -> bool:
    if len(arguments) != 3 or not isinstance(arguments[1], list) or arguments[2]:
        return False
    name, values, _ = arguments
    if not isinstance(name, str) or name not in known.triggers:
        return False
    if name in OPEN_TRIGGERS:
        return len(values) == 1 and is_text(values[0]) and bool(values[0])
    if name == "command":
        return bool(values) and is_text(values[0])  # its values are checked by the command
    return not values


def _changes(arguments: list[Any], known: Known) -> bool:
    if len(arguments) != 1 or not isinstance(arguments[0], list):
        return False
    changes = arguments[0]
    if len(changes) > MAX_CHANGES:
        return False
    return all(isinstance(one, dict) and is_text(one.get("key")) for one in changes)


def _in_view(arguments: list[Any], known: Known) -> bool:
    """Whether a message is about a view that there is: its name, who sent it, and what."""
    if len(arguments) != 3 or not isinstance(arguments[2], dict):
        return False
    view, origin, _ = arguments
    return isinstance(view, str) and view in known.views and is_origin(origin)


def is_origin(value: object) -> bool:
    """Whether a value is what views call a sender: a short text or a number."""
    return is_text(value) or is_whole(value)


def _size(arguments: list[Any], known: Known) -> bool:
    return _in_view(arguments, known) and is_size(arguments[2])


def is_size(size: dict[str, Any]) -> bool:
    """Whether a view can have a size: {"w", "h": pixels, "p": pixels of the screen to one}."""
    if size.keys() - {"w", "h", "p"}:
        return False
    sides = [size.get("w", 1), size.get("h", 1)]
    ratio = size.get("p", 1)
    are_sides = all(is_number(side) and 0 <= side <= MAX_SIDE for side in sides)
    return are_sides and is_number(ratio) and 0 < ratio <= MAX_RATIO


def _event(arguments: list[Any], known: Known) -> bool:
    return _in_view(arguments, known) and is_event(arguments[2])


def is_event(event: dict[str, Any]) -> bool:
    """Whether an event of mouse, keyboard or fingers can be one."""
    if event.get("type") not in EVENTS or len(event) > MAX_PARTS:
        return False
    path = event.get(PATH, [])
    if not isinstance(path, list) or len(path) > MAX_POINTS:
        return False
    place = [event.get("x", 0), event.get("y", 0)]
    others = [value for name, value in event.items() if name != PATH]
    return all(map(_is_point, [place, *path])) and all(map(_is_plain, others))


def _is_point(point: object) -> bool:
    if not isinstance(point, list) or len(point) != 2:
        return False
    return all(is_number(value) and abs(value) <= MAX_PLACE for value in point)


def _is_plain(value: object) -> bool:
    """Whether a part of an event is a number, a text, or a few of them, as of two fingers."""
    parts = list(_parts(value, depth=3))
    return len(parts) <= MAX_PARTS and all(
        part is None or isinstance(part, bool) or is_number(part) or is_text(part) for part in parts
    )


def _parts(value: object, depth: int) -> Iterator[object]:
    """The plain values in lists and dicts; what is deeper comes as it is."""
    if depth and isinstance(value, (list, dict)):
        inside = value.values() if isinstance(value, dict) else value
        for part in list(inside)[: MAX_PARTS + 1]:
            yield from _parts(part, depth - 1)
    else:
        yield value


METHODS: dict[str, Check] = {
    "trame.state.get": _nothing,
    "trame.error.client": _error,
    "trame.lifecycle.update": _life,
    "trame.trigger": _trigger,
    "trame.state.update": _changes,
    "trame.rca.size": _size,
    "trame.rca.event": _event,
}
