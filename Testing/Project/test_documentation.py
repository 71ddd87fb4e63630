"""What the README and the documentation say is there, works, and can be read."""

import re
import runpy
import subprocess
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from statistics import median

import pytest

from SlicePropagationLib import __version__
from SlicePropagationLib.commands.main import main, make_parser
from SlicePropagationLib.commands.page import COMMANDS_GROUP

CHECKOUT = Path(__file__).resolve().parents[2]
README = CHECKOUT / "README.md"
DOCS = sorted((CHECKOUT / "docs").rglob("*.md"))
REPORTS = sorted((CHECKOUT / "Testing" / "Reports").glob("*/report.md"))
OWN_PAGES = [README, CHECKOUT / "CONTRIBUTING.md", CHECKOUT / "CHANGELOG.md", *DOCS]
PAGES = [*OWN_PAGES, *REPORTS, *sorted((CHECKOUT / "Testing").glob("*/README.md"))]
REPOSITORY = "https://github.com/SlicePropagation/SlicerSlicePropagation"
RAW = "https://raw.githubusercontent.com/SlicePropagation/SlicerSlicePropagation/main/"
MAINTAINERS = "The SlicePropagation maintainers"
WORDS_OF_A_README = 900
WORDS_OF_A_SENTENCE = 20


def text_of(path):
    return path.read_text(encoding="utf-8")


def named(path):
    return path.relative_to(CHECKOUT).as_posix()


def blocks(path, language):
    """The code blocks of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", text_of(path), re.DOTALL)


def anchors(path):
    """The names that links can lead to: a page's headings, as GitHub and MkDocs spell them."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def example(name):
    """The code of docs/examples.md that a comment marks with that name."""
    page = text_of(CHECKOUT / "docs" / "examples.md")
    marked = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", page, re.DOTALL)
    assert len(marked) == 1
    return marked[0]


def test_the_readme_is_short():
    assert len(text_of(README).split()) <= WORDS_OF_A_README


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_names_only_files_and_headings_that_exist(page):
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", text_of(page))
    for path, anchor in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize(
    "page",
    [*OWN_PAGES, CHECKOUT / "CMakeLists.txt", CHECKOUT / "pyproject.toml"],
    ids=named,
)
def test_addresses_in_the_repository_lead_to_files_that_exist(page):
    prefixes = "|".join(re.escape(start) for start in (RAW, f"{REPOSITORY}/blob/main/"))
    paths = re.findall(rf'(?:{prefixes})([^\s)"#]+)', text_of(page))
    assert [path for path in paths if not (CHECKOUT / path).is_file()] == []


def test_pictures_of_the_readme_have_absolute_addresses():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text_of(README))
    assert len(pictures) >= 1
    assert [address for address in pictures if not address.startswith(RAW)] == []


def test_every_picture_says_what_it_shows():
    empty = [named(page) for page in PAGES if "![](" in text_of(page)]
    assert empty == []


def test_what_a_contributor_is_led_to_exists():
    text = text_of(CHECKOUT / "docs" / "contribute.md")
    paths = re.findall(r"`((?:SlicePropagation\w*|Resources|Testing|docs)/[^`\s*]*)`", text)
    assert len(paths) >= 15
    assert [path for path in paths if not (CHECKOUT / path).exists()] == []


@cache
def options_of(command):
    """The options that the help of a command lists."""
    done = subprocess.run(
        [sys.executable, "-m", "SlicePropagationLib.commands.main", command, "--help"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"--[a-z-]+", done.stdout))


def calls_in(page):
    """(command, the rest of its line) of every call in a page's shell blocks."""
    lines = "".join(blocks(page, "bash"))
    return re.findall(r"(?:slice-propagation|headless\.py --) ([a-z-]+)([^\n]*)", lines)


def is_installed(command):
    """Whether a command has its options here: the page brings those of `app`, where it is installed."""
    return command != "app" or bool(entry_points(group=COMMANDS_GROUP))


@pytest.mark.parametrize("page", [page for page in PAGES if calls_in(page)], ids=named)
def test_the_commands_and_options_of_a_page_exist(page, capsys):
    for command, arguments in calls_in(page):
        assert main([command, "--help"]) == 0, command
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        named_here = set(re.findall(r"(?<!\S)--[a-z-]+", arguments))
        assert named_here <= known or not is_installed(command), command


def test_every_command_is_called_somewhere_in_the_documentation():
    called = {command for page in PAGES for command, _ in calls_in(page)}
    assert called >= {"demo", "propagate", "batch", "simulate", "evaluate", "engines"}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_the_scripts_that_a_page_calls_exist(page):
    scripts = re.findall(r"python ((?:Testing|docs)/\S+\.py)", text_of(page))
    assert [script for script in scripts if not (CHECKOUT / script).is_file()] == []


def test_the_library_example_with_arrays_runs(tmp_path):
    script = tmp_path / "example.py"
    script.write_text(
        "import numpy as np\n"
        "images = np.full((16, 32, 32), 20, np.float32)\n"
        "images[4:14, 10:20, 12:22] = 90\n"
        "mask = images[12] > 50\n" + example("session") + "assert (labels[9] == 1).any()\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_library_example_has_a_name():
    page = text_of(CHECKOUT / "docs" / "examples.md")
    names = re.findall(r"<!-- example: ([a-z-]+) -->\n```python\n", page)
    assert len(names) == len(set(names)) == page.count("```python\n")


def test_the_reference_names_modules_that_exist():
    for page in sorted((CHECKOUT / "docs" / "reference").glob("*.md")):
        for module in re.findall(r"^::: ([\w.]+)$", text_of(page), re.MULTILINE):
            path = CHECKOUT.joinpath(*module.split("."))
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_sentences_are_short():
    lengths = runpy.run_path(str(Path(__file__).with_name("sentences.py")))["sentence_lengths"]
    long_winded = {
        named(page): median(lengths(text_of(page)))
        for page in PAGES
        if median(lengths(text_of(page)) or [0]) >= WORDS_OF_A_SENTENCE
    }
    assert long_winded == {}


def test_the_documentation_lists_every_option_of_every_command():
    pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")
    hooks = runpy.run_path(str(CHECKOUT / "docs" / "site_hooks.py"))
    text = hooks["describe_commands"](make_parser())
    headings = re.findall(r"^### ([a-z-]+)$", text, re.MULTILINE)
    assert {"propagate", "batch", "evaluate", "train", "engines"} <= set(headings)
    for command in headings:
        section = text.split(f"### {command}\n")[1].split("\n### ")[0]
        missing = options_of(command) - {"--help"} - set(re.findall(r"--[a-z-]+", section))
        assert missing == set(), command
        assert section.count("slice-propagation ") >= 2, command  # the examples


def test_the_citation_names_the_version_and_the_maintainers():
    citation = text_of(CHECKOUT / "CITATION.cff")
    assert f"version: {__version__}" in citation
    assert f"name: {MAINTAINERS}" in citation
    assert f"repository-code: {REPOSITORY}" in citation
