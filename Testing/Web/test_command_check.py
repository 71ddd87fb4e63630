"""What the page's own controls send is on the lists of what may be sent."""

import re
from pathlib import Path

import pytest
import SlicePropagationWeb
from SlicePropagationWeb.allowed_values import PANEL, RULES
from SlicePropagationWeb.command_check import ARGUMENTS, CAN_LACK, check_arguments
from SlicePropagationWeb.panel_state import PanelState

from SlicePropagationLib.errors import InputError

SOURCES = sorted(Path(SlicePropagationWeb.__file__).parent.glob("*.py"))
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)


def test_every_command_that_the_page_gives_may_have_as_many_values():
    given = re.findall(r'give\("(\w+)"((?:, [^,)]+)*)\)', TEXT)
    assert len(given) > 8
    for name, values in given:
        most = len(ARGUMENTS.get(name, ()))
        assert most - CAN_LACK.get(name, 0) <= values.count(", ") <= most, name


def test_every_value_that_the_page_sets_may_be_set():
    bound = re.findall(r"v_model=name\.(\w+)", TEXT)
    checked = re.findall(r'check\(\s*"[^"]+",\s*name\.(\w+)', TEXT)
    chosen = re.findall(r'select\("\w+", name, name\.(\w+)', TEXT)
    assert len(bound) > 4
    assert len(checked) > 3
    assert len(chosen) > 2
    for name in {*bound, *checked, *chosen}:
        assert f"{PANEL}{name}" in RULES, name


@pytest.mark.parametrize(
    "command, values",
    [
        ("color", ("a", "red")),
        ("color", ("a", "#12345g")),
        ("color", ("b", "#123456")),
        ("reorder", ("a", 2)),
        ("reorder", ("a", True)),
        ("step", (0.5,)),
        ("step", (10**9,)),
        ("maximise", ("",)),
        ("fit", ("axial",)),
        ("preset", ("sunglasses",)),
        ("width", (float("nan"),)),
        ("level", ("grey",)),
    ],
)
def test_a_value_that_no_control_of_the_page_gives_is_refused(command, values):
    data = PanelState(segments=[{"id": "a"}])
    with pytest.raises(InputError, match="There is no"):
        check_arguments(command, values, data)


@pytest.mark.parametrize(
    "command, values",
    [("color", ("a", "#12aB3f")), ("reorder", ("a", -1)), ("level", (40.5,))],
)
def test_a_value_of_the_page_passes(command, values):
    check_arguments(command, values, PanelState(segments=[{"id": "a"}]))
