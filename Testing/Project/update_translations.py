"""Write a .ts file with all that the module can show, for people who translate it.

Usage: python Testing/Project/update_translations.py OUT.ts

Slicer looks a text up under the name of the file that asks for it, and errors of the library under
that of `problems.py`, which asks for them. Qt's lupdate (pyside6-lupdate, of PySide6-Essentials)
writes the file, and merges into one that is there. Afterwards `pyside6-linguist OUT.ts` opens it.
"""

import argparse
import ast
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "SlicePropagationLib"
SLICER_SIDE = CHECKOUT / "SlicePropagation"
UI_FILES = sorted((CHECKOUT / "Resources" / "UI").glob("*.ui"))
ERRORS_CONTEXT = "problems"
NOT_FOR_SLICER = "SlicePropagationWeb"


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def error_names():
    """The classes whose messages a person reads."""
    body = parsed(LIBRARY / "errors.py").body
    return {node.name for node in body if isinstance(node, ast.ClassDef)}


def calls_in(path):
    """(last name of the function, arguments) of each call in a source."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and node.args:
            yield ast.unparse(node.func).split(".")[-1], node.args


def constants_of(path):
    """{name: text} of what a source names at its top."""
    body = [node for node in parsed(path).body if isinstance(node, ast.Assign)]
    texts = [node for node in body if isinstance(node.value, ast.Constant)]
    return {ast.unparse(node.targets[0]): node.value.value for node in texts}


def alternatives(node):
    """What an argument may be: both branches of a choice, or itself."""
    return [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]


def written_texts(path, names):
    """What a source hands to functions of these names: texts, also by a name at its top."""
    constants = constants_of(path)
    for name, arguments in calls_in(path):
        for node in alternatives(arguments[0]) if name in names else ():
            text = constants.get(ast.unparse(node), getattr(node, "value", None))
            if isinstance(text, str):
                yield text


def sources_of_slicer():
    """What runs inside Slicer, but the page."""
    paths = sorted(SLICER_SIDE.rglob("*.py"))
    return [path for path in paths if NOT_FOR_SLICER not in path.parts]


def texts_by_context():
    """{context: its texts} of all that is looked up by Python."""
    found = {path.stem: set(written_texts(path, {"_"})) for path in sources_of_slicer()}
    errors = error_names()
    for path in (*sources_of_slicer(), *LIBRARY.rglob("*.py")):
        found.setdefault(ERRORS_CONTEXT, set()).update(written_texts(path, errors))
    found.setdefault("controls", set()).update(engine_texts())
    found.setdefault("models", set()).update(model_texts())
    return {context: sorted(texts) for context, texts in sorted(found.items()) if texts}


def engine_texts():
    """Titles and summaries of the engines, which the panel looks up where it lists them."""
    sys.path.insert(0, str(CHECKOUT))
    from SlicePropagationLib.engines import ENGINES

    return {text for info in ENGINES.values() for text in (info.title, info.summary)}


def model_texts():
    """What the cards of shipped models say, which the panel looks up where it lists them."""
    from SlicePropagationLib.segmenters.catalogue import shipped_models

    texts = set()
    for model in shipped_models().values():
        texts |= {model.title, model.images, model.quality, *model.structures.values()}
    return texts


def write_calls(folder):
    """One Python file a context, with a call that lupdate understands for each text."""
    for context, texts in texts_by_context().items():
        calls = [f"QCoreApplication.translate({context!r}, {text!r})" for text in texts]
        (folder / f"{context}.py").write_text("\n".join(calls) + "\n", encoding="utf-8")


def run_lupdate(folder, out):
    """Let Qt's tool write the .ts file."""
    import PySide6

    tool = next(Path(PySide6.__file__).parent.glob("lupdate*"))
    sources = [*sorted(folder.glob("*.py")), *UI_FILES]
    options = ["-locations", "none", "-no-obsolete", "-silent", "-source-language", "en_US"]
    subprocess.run([tool, *options, *sources, "-ts", out], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "out", type=Path, help="the .ts file; texts are merged into one that is there"
    )
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        write_calls(Path(folder))
        run_lupdate(Path(folder), out)
    print(f"{out}: {len(texts_by_context())} contexts")


if __name__ == "__main__":
    main()
