"""What the distribution promises, and the README's two commands."""

import re
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirement_names(requirements):
    return {
        re.match(r"[A-Za-z0-9_.-]+", requirement).group().lower() for requirement in requirements
    }


def command(name):
    """The lines of the README's code block that a comment marks with that name."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    return (
        re.search(rf"<!-- command: {name} -->\n```bash\n(.*?)```", readme, re.DOTALL)
        .group(1)
        .splitlines()
    )


def test_the_core_needs_only_numpy_scipy_and_simpleitk():
    assert requirement_names(PROJECT["dependencies"]) == {"numpy", "scipy", "simpleitk"}


def test_the_promised_extras_are_there():
    assert {"app", "train", "cluster", "compare", "test", "docs"} <= set(
        PROJECT["optional-dependencies"]
    )


def test_what_is_installed_on_request_has_a_tested_version():
    pinned = requirement_names(
        line
        for line in (CHECKOUT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    )
    asked = requirement_names(
        sum(PROJECT["optional-dependencies"].values(), PROJECT["dependencies"])
    )
    assert asked - pinned == set()


def test_each_of_the_two_commands_is_one_line():
    assert len(command("demo")) == len(command("tests")) == 1


def test_the_two_commands_are_the_first_code_in_the_readme():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\w*\n(.*?)```", readme, re.DOTALL)
    assert [block.splitlines() for block in blocks[:2]] == [command("demo"), command("tests")]


def test_the_author_is_the_same_everywhere():
    maintainers = "The SlicePropagation maintainers"
    build = (CHECKOUT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert PROJECT["authors"] == [{"name": maintainers}]
    assert f'EXTENSION_CONTRIBUTORS "{maintainers}"' in build


def test_the_addresses_are_those_of_the_extension():
    build = (CHECKOUT / "CMakeLists.txt").read_text(encoding="utf-8")
    homepage = re.search(r'EXTENSION_HOMEPAGE "([^"]+)"', build).group(1)
    assert PROJECT["urls"]["Homepage"] == homepage
    assert all(address.startswith(homepage) for address in PROJECT["urls"].values())
