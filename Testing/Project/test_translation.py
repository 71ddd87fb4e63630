"""What the panel can say can be translated: errors carry a sentence and values, texts are looked up."""

import ast
import string
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "SlicePropagationLib"
MRML = CHECKOUT / "SlicePropagation" / "SlicePropagationMRML"
GUI = CHECKOUT / "SlicePropagation" / "SlicePropagationGUI"
ERRORS = {
    node.name
    for node in ast.parse((LIBRARY / "errors.py").read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef)
}
# What the panel comes upon: the library's core and its engines, and the layers of Slicer. The
# library's files, trainings and commands speak at the command line and at the page.
SHOWN = [
    *(LIBRARY / f"{name}.py" for name in ("planning", "propagation", "session", "stack")),
    *(LIBRARY / "engines").glob("*.py"),
    *(LIBRARY / "engines" / "sam2").glob("*.py"),
    *MRML.rglob("*.py"),
    *GUI.rglob("*.py"),
]
# Sentences that are still made of their values: they reach the panel in English.
NOT_YET = {"document.py", "frame_run.py", "workplace.py"}


def errors_in(path):
    """The calls that make an error of ours."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    calls = [node for node in nodes if isinstance(node, ast.Call) and node.args]
    return [call for call in calls if ast.unparse(call.func).split(".")[-1] in ERRORS]


def is_put_together(call):
    """Whether the sentence of an error already holds its values."""
    return isinstance(call.args[0], (ast.JoinedStr, ast.BinOp))


def places(sentence):
    """The names of the places of a sentence."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_the_panel_is_told_sentences_with_places_for_values():
    files = {path.name for path in SHOWN if any(map(is_put_together, errors_in(path)))}
    assert files == NOT_YET


@pytest.mark.parametrize("package", [LIBRARY, MRML, GUI], ids=lambda path: path.name)
def test_a_sentence_has_a_place_for_each_value_and_a_value_for_each_place(package):
    wrong = [
        f"{path.name}:{call.lineno}"
        for path in package.rglob("*.py")
        for call in errors_in(path)
        if call.keywords and places(call.args[0].value) != {one.arg for one in call.keywords}
    ]
    assert wrong == []


def looked_up(path):
    """What a source looks up: the first argument of each call of `_`."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return [call.args[0] for call in calls if ast.unparse(call.func) == "_"]


def test_a_translated_sentence_never_holds_its_values_before_it_is_looked_up():
    wrong = [
        f"{path.name}:{text.lineno}"
        for path in (*MRML.rglob("*.py"), *GUI.rglob("*.py"))
        for text in looked_up(path)
        if isinstance(text, (ast.JoinedStr, ast.BinOp, ast.Call))
    ]
    assert wrong == []
