"""What the Extensions Index asks of an extension, as far as a checkout can tell.

The build and the catalogue entry are in test_cmake.py, imports at file scope in test_imports.py,
addresses in test_documentation.py.
"""

import ast
import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SLICER_SIDE = CHECKOUT / "SlicePropagation"
SAMPLE_SOURCE = SLICER_SIDE / "SlicePropagationGUI" / "sample_source.py"
MODULES = sorted(SLICER_SIDE.glob("*.py"))
# What Slicer loads; the page is not installed there.
SOURCES = [path for path in SLICER_SIDE.rglob("*.py") if "SlicePropagationWeb" not in path.parts]
RAW = "https://raw.githubusercontent.com/SlicePropagation/SlicerSlicePropagation/main/"
MAINTAINERS = "The SlicePropagation maintainers"
MAXIMUM_MEGABYTES = 100
STATEMENTS = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
# Where Slicer's own translations of categories are kept.
CATEGORY_CONTEXT = "qSlicerAbstractCoreModule"


def text_of(path):
    return path.read_text(encoding="utf-8")


def meta(name):
    """One field of the extension's meta-information."""
    return re.search(rf'set\(EXTENSION_{name} "([^"]*)"\)', text_of(CHECKOUT / "CMakeLists.txt"))[1]


def size_of(address):
    """(width, height) of the PNG that an address of the repository leads to."""
    data = (CHECKOUT / address.removeprefix(RAW)).read_bytes()
    assert data.startswith(b"\x89PNG")
    return struct.unpack(">II", data[16:24])


def described(path, name):
    """What a module's constructor assigns to `parent.NAME`."""
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == f"parent.{name}":
            return node.value
    raise AssertionError(f"{path.name} says no {name}.")


def written(node):
    """The text in an assigned value, translated or not."""
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return " ".join(texts)


def calls_of(path):
    """The last names of all that a source calls."""
    nodes = ast.walk(ast.parse(text_of(path)))
    return {ast.unparse(one.func).split(".")[-1] for one in nodes if isinstance(one, ast.Call)}


# Meta-information


def test_the_description_is_one_short_paragraph_of_plain_text():
    description = meta("DESCRIPTION")
    assert 60 <= len(description) <= 300
    assert description.endswith(".")
    assert not re.search(r"[<>\\$;]|https?:", description)


def test_contributors_are_the_maintainers_everywhere():
    assert meta("CONTRIBUTORS") == MAINTAINERS
    for path in MODULES:
        assert written(described(path, "contributors")) == MAINTAINERS


def test_icon_and_screenshots_have_absolute_addresses():
    for address in (meta("ICONURL"), *meta("SCREENSHOTURLS").split()):
        assert address.startswith(RAW)
        assert min(size_of(address)) >= 128


def test_the_icon_is_a_square_of_128_pixels():
    assert size_of(meta("ICONURL")) == (128, 128)


def test_the_tier_is_one_that_the_index_knows():
    assert json.loads(text_of(CHECKOUT / "SlicePropagation.json"))["tier"] in (1, 3, 5)


# The repository


def test_a_clone_of_the_repository_is_small_enough():
    """What a clone transfers: how this checkout happens to be packed says nothing about it."""
    if not shutil.which("git") or not (CHECKOUT / ".git").exists():
        pytest.skip("This is no clone.")
    command = ["git", "pack-objects", "--revs", "--stdout", "-q"]
    packed = subprocess.run(command, cwd=CHECKOUT, input=b"HEAD\n", capture_output=True, check=True)
    assert len(packed.stdout) / 2**20 < MAXIMUM_MEGABYTES


def test_the_licence_is_permissive_and_the_readme_names_it():
    assert "Apache License" in text_of(CHECKOUT / "LICENSE")[:200]
    assert "Apache License 2.0 ([LICENSE](LICENSE))" in text_of(CHECKOUT / "README.md")


def test_the_readme_has_what_reviewers_look_for():
    readme = text_of(CHECKOUT / "README.md")
    sample = re.search(r'sampleName="(\w+)"', text_of(SAMPLE_SOURCE))[1]
    tutorial = readme.split("## Tutorial")[1].split("\n## ")[0]
    licence = readme.split("## Licence and citation")[1]
    assert "![The demo" in readme
    assert f"**{sample}**" in tutorial
    assert "*Slice Propagation*" in tutorial
    assert "CC BY-SA 4.0" in licence
    assert "CITATION.cff" in licence


# What reviewers object to


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_is_executed_on_import(path):
    body = ast.parse(text_of(path)).body
    executed = [
        ast.unparse(node)
        for node in body
        if not isinstance(node, STATEMENTS)
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not ast.unparse(node).startswith(("if __name__ ==", "if TYPE_CHECKING"))
    ]
    assert executed == []


def test_packages_are_installed_through_the_pytorch_extension_only():
    callers = {path.name for path in SOURCES if calls_of(path) & {"pip_install", "pip_ensure"}}
    installers = {path.name for path in SOURCES if "installTorch" in calls_of(path)}
    assert callers == set()
    assert installers <= {"dependencies.py", "commands.py"}
    assert meta("DEPENDS") == "PyTorch"


def test_nothing_is_styled_by_hand():
    files = [*SOURCES, *(CHECKOUT / "Resources" / "UI").glob("*.ui")]
    assert [path.name for path in files if "tyleSheet" in text_of(path)] == []


def test_files_that_the_module_made_can_be_removed():
    assert "removeFilesButton" in text_of(CHECKOUT / "Resources" / "UI" / "SlicePropagation.ui")


# What the module says of itself


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_categories_are_translated_as_slicers_own(path):
    expected = f"[translate('{CATEGORY_CONTEXT}', 'Segmentation')]"
    assert ast.unparse(described(path, "categories")) == expected


def test_the_acknowledgement_names_the_data_sets_and_their_licences():
    said = written(described(SLICER_SIDE / "SlicePropagation.py", "acknowledgementText"))
    page = text_of(CHECKOUT / "docs" / "index.md")
    rows = re.findall(r"^\| (?!data |-|generated)([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    cited = [row for row in rows if row[1].startswith(("CC", "MIT", "BSD"))]
    assert len(cited) == 8
    assert [
        f"{name} ({licence})" for name, licence in cited if f"{name} ({licence})" not in said
    ] == []
    for source in ("3D Slicer", "SimpleITK", "PyTorch", "U-Net", "VoxelMorph", "Apache-2.0"):
        assert source in said


def test_the_sample_has_a_picture_and_the_help_names_it():
    module = SLICER_SIDE / "SlicePropagation.py"
    sample = re.search(r'sampleName="(\w+)"', text_of(SAMPLE_SOURCE))[1]
    assert (CHECKOUT / "Resources" / "Icons" / f"{sample}.png").is_file()
    assert sample in written(described(module, "helpText"))
