"""What the panel can say can be translated: errors carry a sentence and values, texts are looked up."""

import ast
import runpy
import string
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
    LIBRARY / "files" / "shipped_weights.py",
    LIBRARY / "networks" / "checkpoint.py",
    *MRML.rglob("*.py"),
    *GUI.rglob("*.py"),
]


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
    files = [path.name for path in SHOWN if any(map(is_put_together, errors_in(path)))]
    assert files == []


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


@pytest.fixture(scope="module")
def translations(tmp_path_factory):
    """{context: texts} of the .ts file that the tool for translators writes."""
    pytest.importorskip(
        "PySide6", reason="PySide6-Essentials, which brings lupdate, is not installed"
    )
    out = tmp_path_factory.mktemp("translations") / "SlicePropagation_de.ts"
    tool = Path(__file__).with_name("update_translations.py")
    done = subprocess.run([sys.executable, tool, out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    contexts = ElementTree.parse(out).getroot().iter("context")
    return {one.findtext("name"): {text.text for text in one.iter("source")} for one in contexts}


def test_translators_find_every_text_under_the_file_that_shows_it(translations):
    for path in (*MRML.rglob("*.py"), *GUI.rglob("*.py")):
        texts = {text.value for text in looked_up(path) if isinstance(text, ast.Constant)}
        assert texts <= translations.get(path.stem, set()), path.name


def test_translators_find_every_error_that_the_panel_shows(translations):
    for path in SHOWN:
        keys = {call.args[0] for call in errors_in(path)}
        texts = {key.value for key in keys if isinstance(key, ast.Constant)}
        assert texts <= translations["problems"], path.name


def test_translators_find_an_error_that_a_name_or_a_choice_stands_for(tmp_path):
    source = tmp_path / "source.py"
    source.write_text(
        'GONE = "It is gone."\nraise InputError(GONE if isGone else "It is here.")\n',
        encoding="utf-8",
    )
    tool = runpy.run_path(str(Path(__file__).with_name("update_translations.py")))
    assert set(tool["written_texts"](source, {"InputError"})) == {"It is gone.", "It is here."}


def test_translators_find_the_texts_of_the_ui_file(translations):
    root = ElementTree.parse(CHECKOUT / "Resources" / "UI" / "SlicePropagation.ui").getroot()
    shown = {one.text for one in root.iter("string") if one.text and one.get("notr") != "true"}
    missing = shown - translations[root.findtext("class")]
    assert [text for text in missing if not text.startswith("vtkMRML")] == []
