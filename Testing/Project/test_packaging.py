"""What the distribution promises, and the README's two commands."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from SlicePropagationLib.commands.main import main

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
    assert {"app", "train", "cluster", "compare", "test"} <= set(PROJECT["optional-dependencies"])


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


def test_the_readme_names_only_files_that_exist():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(((?!https?:)[^)#]+)\)", readme)
    assert [path for path in named if not (CHECKOUT / path).exists()] == []


def test_the_library_example_of_the_readme_runs(tmp_path):
    example = re.search(
        r"```python\n(.*?)```",
        (CHECKOUT / "README.md").read_text(encoding="utf-8"),
        re.DOTALL,
    ).group(1)
    script = tmp_path / "example.py"
    script.write_text(
        "import numpy as np\n"
        "images = np.full((16, 32, 32), 20, np.float32)\n"
        "images[4:14, 10:20, 12:22] = 90\n"
        "mask = images[12] > 50\n" + example + "assert (labels[9] == 1).any()\n",
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


def test_the_commands_and_options_of_the_readme_exist(capsys):
    calls = re.findall(
        r"(?:slice-propagation|headless\.py --) ([a-z-]+)((?: --?[^\n`]*)?)",
        "\n".join(shell_lines()),
    )
    assert {name for name, _ in calls} >= {
        "demo",
        "propagate",
        "batch",
        "simulate",
        "evaluate",
        "engines",
    }
    for name, arguments in calls:
        assert main([name, "--help"]) == 0
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert set(re.findall(r"--[a-z-]+", arguments)) <= known, name


def shell_lines():
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    return "".join(re.findall(r"```bash\n(.*?)```", readme, re.DOTALL)).splitlines()
