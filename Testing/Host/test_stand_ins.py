"""What stands in for Slicer's Python modules takes the arguments that Slicer's own takes.

Signatures come from the inventory of Slicer's API; a function that slicer-core has is Slicer's own.
"""

import inspect
import types
from pathlib import Path

import pytest

pytest.importorskip(
    "PySide6.QtWidgets",
    reason="the test host needs PySide6-Essentials and the libraries of Qt's offscreen platform",
    exc_type=ImportError,
)
pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")

import importlib

from host import classes, facts, slicerenv

slicerenv.bootstrap()

import slicer

STAND_INS = ("slicer.ScriptedLoadableModule", "slicer.i18n", "SampleData")
REPLACED = {"loadUI"}  # of slicer.util; all else is Slicer's own


def wanted(text):
    """The signature that a text describes."""
    space = {}
    exec(f"def function{text}: pass", space)
    return inspect.signature(space["function"])


def described(module):
    """(name, signature as a text) of each function and each method of a module in the facts."""
    for name in facts.read("python.json")[module]:
        for signature in facts.python_signatures(module, name).values():
            if isinstance(signature, dict):
                yield from ((f"{name}.{method}", one) for method, one in signature.items())
            else:
                yield name, signature


def cases():
    """(module, dotted name, signature) of everything that the host stands in for."""
    found = {(module, *one): None for module in STAND_INS for one in described(module)}
    util = {one for one in described("slicer.util") if one[0] in REPLACED}
    return [*found, *(("slicer.util", *one) for one in sorted(util))]


def stand_in(module, dotted):
    """The host's function or method, without what binds it."""
    found = importlib.import_module(module)
    for part in dotted.split("."):
        found = inspect.getattr_static(found, part, None) or getattr(found, part)
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found


@pytest.mark.parametrize(
    ("module", "dotted", "signature"), cases(), ids=lambda part: str(part).split("(")[0]
)
def test_a_stand_in_has_the_signature_of_slicers_own(module, dotted, signature):
    assert str(inspect.signature(stand_in(module, dotted))) == str(wanted(signature))


@pytest.mark.parametrize("module", STAND_INS)
def test_a_stand_in_has_no_public_name_that_slicer_lacks(module):
    host = importlib.import_module(module)
    names = {name for name in vars(host) if not name.startswith("_")}
    assert names == set(facts.read("python.json")[module])


def test_what_slicer_core_brings_is_slicers_own():
    own = Path(slicer.__file__).with_name("util.py")
    there = [getattr(slicer.util, name, None) for name in facts.read("python.json")["slicer.util"]]
    functions = [inspect.unwrap(one) for one in there if isinstance(one, types.FunctionType)]
    foreign = [one for one in functions if Path(one.__code__.co_filename) != own]
    assert Path(slicer.util.__file__) == own
    assert foreign == [slicer.util.loadUI]
    assert len(functions) > 100


def argument_counts(signature):
    """How many arguments an overload may get, from its text in the facts."""
    inside = signature.strip()[1:].rsplit(")", 1)[0].strip()
    parts = [part for part in inside.split(",") if part.strip()]
    needed = [part for part in parts if "[" not in part and "=" not in part]
    return {len(needed), len(parts)}


def accepts(function, count):
    """Whether a method takes that many arguments besides itself."""
    try:
        inspect.signature(function).bind(None, *[None] * count)
    except TypeError:
        return False
    return True


def refused(kind):
    """Calls of one host class that Slicer takes and the host refuses."""
    entry = facts.slicer_classes()[kind]
    for method, calls in entry["methods"].items():
        function = vars(classes.classes[kind]).get(method)
        if isinstance(function, types.FunctionType):
            counts = {count for call in calls for count in argument_counts(call[0])}
            yield from (f"{kind}.{method}/{one}" for one in counts if not accepts(function, one))


@pytest.mark.parametrize("kind", sorted(classes._behaviours))
def test_a_method_of_the_host_takes_every_call_that_slicer_takes(kind):
    assert sorted(refused(kind)) == []
