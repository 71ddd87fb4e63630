"""Every file is in a room, imports point one way between rooms, and the core starts without the heavy packages."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "SlicePropagationLib"
SLICER_SIDE = CHECKOUT / "SlicePropagation"

# What a room of the library may import beside itself, at file scope, in a function or by name.
# The files beside the rooms are the core; a new file there must be listed here.
CORE = {
    "__init__",
    "__main__",
    "arrays",
    "cache",
    "cluster",
    "confidence",
    "config",
    "errors",
    "lazy_voxels",
    "mapped_slices",
    "orientation",
    "metrics",
    "pace",
    "patch",
    "planning",
    "processes",
    "propagation",
    "session",
    "stack",
    "temporal_window",
    "walk_under_way",
    "workers",
}
FACE = {"__init__", "__main__"}  # they lead a caller into the rooms, and nothing else
ROOMS = {
    "core": set(),
    "files": {"core"},
    "losses": {"core"},
    "drawing": {"core"},
    "networks": {"core", "files", "losses"},
    "segmenters": {"core", "files", "networks"},
    "engines": {"core", "files", "networks", "segmenters"},
    "pipelines": {"core", "files", "networks", "segmenters", "engines"},
    "evaluation": {"core", "files", "networks", "segmenters", "engines", "pipelines"},
    "training": {"core", "files", "losses", "networks", "segmenters", "engines"},
    "studies": {
        "core",
        "files",
        "networks",
        "segmenters",
        "engines",
        "pipelines",
        "evaluation",
        "training",
    },
    "commands": {
        "core",
        "files",
        "segmenters",
        "engines",
        "pipelines",
        "evaluation",
        "training",
        "studies",
    },
}
# Rooms whose files import torch. Of all others every file imports without it.
TORCH_ROOMS = {"losses", "networks", "segmenters", "training", "studies"}
TORCH_FOLDERS = {
    f"engines/{family}"
    for family in ("cine", "gap", "outline", "pnet", "registration", "sam2", "slice")
}
# What names its torch files without importing them, so that a wrong name is refused anywhere.
TORCH_FREE = {"training/__init__.py", "studies/__init__.py", "studies/registry.py"}
HEAVY = ["torch", "matplotlib", "dask", "distributed", "zarr", "fsspec"]

# What each package may never import, in whatever way.
FORBIDDEN = {
    "SlicePropagationLib": {
        "slicer",
        "qt",
        "ctk",
        "vtk",
        "SlicePropagationMRML",
        "SlicePropagationGUI",
        "SlicePropagationWeb",
    },
    "SlicePropagationMRML": {"qt", "ctk", "SlicePropagationGUI", "SlicePropagationWeb"},
    "SlicePropagationGUI": {"SlicePropagationWeb"},
    "SlicePropagationWeb": {"qt", "ctk", "SlicePropagationGUI"},
}
MRML = SLICER_SIDE / "SlicePropagationMRML"
# The files beside the rooms of the MRML layer: how the layer is entered, and Slicer's translation.
MRML_CORE = {"__init__", "headless", "self_test", "sequences", "translation"}
MRML_ROOMS = {
    "core": set(),
    "nodes": {"core"},
    "run": {"core", "nodes"},
    "presenting": {"core", "nodes", "run"},
}
# Slicer's reviewers accept nothing else at file scope; qt and ctk are part of Slicer.
IN_SLICER = {
    "slicer",
    "vtk",
    "vtkmodules",
    "qt",
    "ctk",
    "numpy",
    "scipy",
    "SimpleITK",
    "SegmentEditorEffects",
}
# A module named in a text, as `import_module` or "module:function" take it.
NAMED = re.compile(r"(SlicePropagation(?:Lib|MRML|GUI|Web)(?:\.\w+)*)(?::\w+)?")


def python_files(folder):
    return sorted(folder.rglob("*.py"))


def imported_modules(path, file_scope_only=False):
    """Full dotted names of what a file imports; `from a import b` counts as `a.b`.

    Modules that a text names count as well: a file that looks one up by name depends on it.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if file_scope_only:
        return {name for node in tree.body for name in names_of(node)}
    return {name for node in ast.walk(tree) for name in names_of(node) | named_in(node)}


def names_of(node):
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno} imports relatively; write the whole name."
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def named_in(node):
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return set()
    found = NAMED.fullmatch(node.value)
    return {found.group(1)} if found else set()


def roots(names):
    return {name.split(".")[0] for name in names}


def room_of_file(path, package, core):
    """The room that a file is in; None for a file that is in no room."""
    parts = path.relative_to(package).parts
    if len(parts) > 1:
        return parts[0]
    return "core" if path.stem in core else None


def room_of_module(name, package, core):
    """The room that a dotted name leads into; None for another package and for its face."""
    parts = name.split(".")
    if parts[0] != package.name or len(parts) == 1:
        return None
    if parts[1] in core:
        return "core"
    return parts[1] if (package / parts[1]).is_dir() else None


def arrows(package, core, without=()):
    """{(room, room it imports): the files that do so} of a package."""
    found = {}
    for path in python_files(package):
        if path.parent == package and path.stem in without:
            continue
        room = room_of_file(path, package, core)
        for name in imported_modules(path):
            other = room_of_module(name, package, core)
            if other not in (None, room):
                found.setdefault((room, other), set()).add(str(path.relative_to(package)))
    return found


def upward(found, rooms):
    """The arrows that the rules do not allow, with the files that draw them."""
    return {
        f"{room} -> {other}": sorted(files)
        for (room, other), files in found.items()
        if other not in rooms.get(room, ())
    }


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_never_imports_what_lies_above_it(package):
    offenders = {}
    folder = LIBRARY if package == LIBRARY.name else SLICER_SIDE / package
    for path in python_files(folder):
        above = roots(imported_modules(path)) & FORBIDDEN[package]
        if above:
            offenders[str(path.relative_to(CHECKOUT))] = sorted(above)
    assert offenders == {}


@pytest.mark.parametrize(
    "package, core, rooms",
    [(LIBRARY, CORE, ROOMS), (MRML, MRML_CORE, MRML_ROOMS)],
    ids=["library", "MRML"],
)
def test_every_file_is_in_a_room(package, core, rooms):
    lost = [
        str(path.relative_to(package))
        for path in python_files(package)
        if room_of_file(path, package, core) not in rooms
    ]
    assert lost == []


def test_between_the_rooms_of_the_library_imports_point_down():
    assert upward(arrows(LIBRARY, CORE, without=FACE), ROOMS) == {}


def test_between_the_rooms_of_the_mrml_layer_imports_point_down():
    entrances = MRML_CORE - {"translation"}
    assert upward(arrows(MRML, MRML_CORE, without=entrances), MRML_ROOMS) == {}


def test_the_rules_themselves_have_no_circle():
    for rooms in (ROOMS, MRML_ROOMS):
        TopologicalSorter(rooms).prepare()  # raises CycleError and names the circle


def test_no_two_files_of_the_core_import_each_other():
    graph = {}
    for name in CORE - FACE:
        imported = imported_modules(LIBRARY / f"{name}.py")
        graph[name] = {other.split(".")[1] for other in imported if other.count(".")} & CORE
    TopologicalSorter(graph).prepare()


def test_an_import_by_name_counts(tmp_path):
    path = tmp_path / "sneaky.py"
    path.write_text(
        'import_module("SlicePropagationLib.studies.pnet.experiments")\n', encoding="utf-8"
    )
    assert imported_modules(path) == {"SlicePropagationLib.studies.pnet.experiments"}
    path.write_text(
        'TABLE = {"a": "SlicePropagationLib.engines.copy:CopyEngine"}\n', encoding="utf-8"
    )
    assert imported_modules(path) == {"SlicePropagationLib.engines.copy"}


def test_argparse_is_known_in_the_room_of_commands_alone():
    users = {
        path.relative_to(LIBRARY).parts[0]
        for path in python_files(LIBRARY)
        if "argparse" in roots(imported_modules(path))
    }
    # What is run as a module of its own parses its own arguments.
    assert users <= {"commands", "training"}
    assert [
        path.name
        for path in python_files(LIBRARY / "training")
        if "argparse" in roots(imported_modules(path))
    ] == ["release_weights.py"]


def test_at_file_scope_the_slicer_side_imports_only_what_slicer_has():
    folders = {path.name for path in SLICER_SIDE.iterdir() if path.is_dir()}
    modules = {path.stem for path in SLICER_SIDE.glob("*.py")}
    allowed = IN_SLICER | folders | modules | {"SlicePropagationLib"} | set(sys.stdlib_module_names)
    extra = {}
    for path in python_files(SLICER_SIDE):
        foreign = roots(imported_modules(path, file_scope_only=True)) - allowed
        if foreign and "SlicePropagationWeb" not in path.parts:
            extra[str(path.relative_to(CHECKOUT))] = sorted(foreign)
    assert extra == {}


def test_there_is_no_package_file_that_would_shadow_the_module():
    assert not (SLICER_SIDE / "__init__.py").exists()


def needs_torch(path):
    """Whether a file is in a torch room, which the core must start without."""
    place = path.relative_to(LIBRARY).as_posix()
    if place in TORCH_FREE:
        return False
    return place.split("/")[0] in TORCH_ROOMS or place.rpartition("/")[0] in TORCH_FOLDERS


def core_modules():
    """Dotted names of every file outside the torch rooms; plots are drawn where Matplotlib is."""
    names = []
    for path in python_files(LIBRARY):
        if needs_torch(path) or path.stem == "__main__":
            continue
        dotted = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
        names.append(dotted.removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("is_blocked", [True, False], ids=["torch blocked", "torch importable"])
def test_the_core_imports_without_the_heavy_packages(is_blocked):
    blocked = ["torch"] if is_blocked else []
    script = (
        "import importlib, sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        f"[importlib.import_module(name) for name in {core_modules()!r}]\n"
        f"print([name for name in {HEAVY!r} if sys.modules.get(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
