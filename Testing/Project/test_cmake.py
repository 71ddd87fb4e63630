"""The extension configures, and every file that Slicer needs is installed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
STUB_SLICER = Path(__file__).with_name("StubSlicer")
MODULES = "qt-scripted-modules"
NOT_INSTALLED = {"CMakeLists.txt"}
# Each Slicer with the oldest CMake that builds extensions for it; its policies are asked for.
SLICERS = {"5.10.0": "3.20.6", "5.12.3": "3.28.0"}
# No compiler and no make are needed to install Python files; an extension's project() asks for both
# all the same.
WITHOUT_COMPILER = [
    "-DCMAKE_C_COMPILER_FORCED=1",
    "-DCMAKE_CXX_COMPILER_FORCED=1",
    "-DCMAKE_C_COMPILER=/bin/true",
    "-DCMAKE_CXX_COMPILER=/bin/true",
    "-DCMAKE_MAKE_PROGRAM=/bin/true",
    "-G",
    "Unix Makefiles",
]


def tracked_files(*folders):
    """Paths of the files under version control, or of all files where this is no clone."""
    listed = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
        if shutil.which("git")
        else None
    )
    if listed and listed.returncode == 0:
        return [
            Path(name) for name in listed.stdout.split("\0") if name and (CHECKOUT / name).exists()
        ]
    return [
        path.relative_to(CHECKOUT)
        for folder in folders
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]


def expected_files():
    """What must stand in Slicer's folder of scripted modules.

    The module, its packages but the page's, the library, the resources.
    """
    library = [path for path in tracked_files("SlicePropagationLib") if path.suffix == ".py"]
    module = [
        path.relative_to("SlicePropagation")
        for path in tracked_files("SlicePropagation")
        if path.name not in NOT_INSTALLED and "SlicePropagationWeb" not in path.parts
    ]
    resources = [path for path in tracked_files("Resources") if path.parts[1] != "Screenshots"]
    return {path.as_posix() for path in [*library, *module, *resources]}


@pytest.fixture(scope="module")
def cmake():
    beside_python = Path(sys.executable).with_name("cmake")
    found = str(beside_python) if beside_python.exists() else shutil.which("cmake")
    if not found:
        pytest.skip("cmake is not installed; the extra 'test' brings it: pip install '.[test]'.")
    return found


@pytest.fixture(scope="module", params=SLICERS)
def build(request, cmake, tmp_path_factory):
    """A configuration against the stub of a Slicer."""
    folder = tmp_path_factory.mktemp("build")
    stub = [
        f"-DSlicer_DIR={STUB_SLICER}",
        f"-DSTUB_SLICER_VERSION={request.param}",
        f"-DCMAKE_POLICY_VERSION_MINIMUM={SLICERS[request.param]}",
    ]
    run(cmake, "-S", CHECKOUT, "-B", folder, *stub, *WITHOUT_COMPILER)
    return folder


@pytest.fixture(scope="module")
def installed(cmake, build, tmp_path_factory):
    """The folder that `cmake --install` filled."""
    prefix = tmp_path_factory.mktemp("prefix")
    run(cmake, "--install", build, "--prefix", prefix)
    return prefix / MODULES


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_script_and_resource_is_installed(installed):
    present = {
        path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()
    }
    assert present == expected_files()


def test_every_test_for_slicer_is_registered_with_ctest(build):
    text = "".join(path.read_text("utf-8") for path in build.rglob("CTestTestfile.cmake"))
    registered = re.findall(r"add_test\(\[*=*\[*\"?(?:py_)?(\w+\.py)", text)
    files = {path.name for path in CHECKOUT.joinpath("Testing", "Slicer").glob("*Test.py")}
    assert len(files) >= 3
    assert sorted(registered) == sorted({*files, "SlicePropagation.py"})


def test_the_installed_library_imports_on_its_own(installed):
    run(
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path.insert(0, {str(installed)!r}); import SlicePropagationLib as lib;"
        " from SlicePropagationLib.engines import make_engine; make_engine(); assert"
        f" lib.__file__.startswith({str(installed)!r})",
    )


def test_the_catalogue_entry_belongs_to_the_project():
    text = (CHECKOUT / "CMakeLists.txt").read_text(encoding="utf-8")
    name = re.search(r"project\((\w+)\)", text).group(1)
    entry = json.loads((CHECKOUT / f"{name}.json").read_text(encoding="utf-8"))
    homepage = re.search(r'EXTENSION_HOMEPAGE "([^"]+)"', text).group(1)
    assert entry["scm_url"] == homepage
    assert entry["scm_url"].rsplit("/", 1)[1].startswith("Slicer")
    assert not name.startswith("Slicer")
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.1.json#")
    assert set(entry) == {
        "$schema",
        "build_dependencies",
        "build_subdirectory",
        "category",
        "scm_revision",
        "scm_url",
        "tier",
    }


def test_the_catalogue_entry_and_the_build_name_the_same_category_and_dependencies():
    text = (CHECKOUT / "CMakeLists.txt").read_text(encoding="utf-8")
    entry = json.loads((CHECKOUT / "SlicePropagation.json").read_text(encoding="utf-8"))
    assert (
        entry["category"]
        == re.search(r'EXTENSION_CATEGORY "([^"]+)"', text).group(1)
        == "Segmentation"
    )
    assert (
        entry["build_dependencies"]
        == re.search(r'EXTENSION_DEPENDS "([^"]+)"', text).group(1).split()
    )


def test_text_files_end_their_lines_with_a_line_feed_only():
    names = [
        "CMakeLists.txt",
        "SlicePropagation/CMakeLists.txt",
        "SlicePropagation.json",
        "README.md",
        "pyproject.toml",
    ]
    assert [name for name in names if b"\r" in (CHECKOUT / name).read_bytes()] == []
