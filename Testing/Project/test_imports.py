"""Imports point one way, and the core starts without the heavy packages."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = CHECKOUT / "SlicePropagationLib"
SLICER_SIDE = CHECKOUT / "SlicePropagation"

# What each layer may never import, at file scope or inside a function.
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
# The library from the bottom up: a module imports from its own row or a lower one. A new module
# belongs to the row before the last.
LAYERS = [
    {"errors", "config", "patients", "notes"},
    {
        "stack",
        "patch",
        "planning",
        "metrics",
        "networks",
        "losses",
        "nifti",
        "dicom_cine",
        "volume",
        "sample",
        "atomic",
        "models",
        "windows",
        "fine_grid",
        "table",
    },
    {"session", "segmentation_file", "checkpoint"},
    {"confidence", "slice_record", "sequence", "shape_model"},
    {"engine", "engines"},
    {
        "history",
        "io",
        "outputs",
        "case",
        "preprocessing",
        "distance_table",
        "synthetic_cine",
        "cine_measures",
        "refined",
        "segment",
        "training",
        "simulation",
        "picture",
    },
    {"batch", "demo", "pseudo_labels", "time_case", "cine_picture"},
    {
        "evaluation",
        "evaluation_scores",
        "evaluation_statistics",
        "evaluation_report",
        "evaluation_plots",
        "experiments",
        "cine_evaluation",
        "cine_experiments",
        "pnet_experiments",
        "pnet_jump",
        "pnet_plots",
    },
    {"cli", "cli_acnn", "cli_cine", "cli_options", "__main__"},
]
NEEDS_TORCH = {
    "networks",
    "losses",
    "training",
    "checkpoint",
    "shape_model",
    "codes",
    "acnn_experiments",
    "acnn_measures",
    "acnn_plausibility",
}
TORCH_ENGINES = {
    "engines/model_file.py",
    "engines/plain_unet.py",
    "engines/slice_unet.py",
    "engines/voxelmorph.py",
    "engines/cine_bilstm.py",
    "engines/frame_segmenter.py",
    "engines/neighbour_slices.py",
    "engines/pnet_segmenter.py",
    "engines/smoothed.py",
    "engines/subpixel_segmenter.py",
}  # imported when they are asked for
NEEDS_MATPLOTLIB = {
    "picture",
    "evaluation_plots",
    "cine_picture",
    "cine_evaluation",
    "cine_experiments",
}
HEAVY = ["torch", "matplotlib", "dask", "distributed"]
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


def python_files(folder):
    return sorted(folder.rglob("*.py"))


def imported_modules(path, file_scope_only=False):
    """Full dotted names of what a file imports; `from a import b` counts as `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if file_scope_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; write the whole name."
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def roots(names):
    return {name.split(".")[0] for name in names}


def imported_library_parts(path):
    """The parts of the library (`session`, `engines`, ...) that a file imports."""
    own = (
        name.split(".")
        for name in imported_modules(path)
        if name.startswith("SlicePropagationLib.")
    )
    return {
        parts[1]
        for parts in own
        if (LIBRARY / f"{parts[1]}.py").exists() or (LIBRARY / parts[1]).is_dir()
    }


def part_of(path):
    """The module or sub-package of the library that a file belongs to."""
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def layer_of(part):
    known = [row for row, parts in enumerate(LAYERS) if part in parts]
    return known[0] if known else len(LAYERS) - 2


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_layer_never_imports_what_lies_above_it(package):
    offenders = {
        str(path.relative_to(CHECKOUT)): sorted(roots(imported_modules(path)) & FORBIDDEN[package])
        for path in CHECKOUT.glob(f"**/{package}/**/*.py")
        if roots(imported_modules(path)) & FORBIDDEN[package]
    }
    assert offenders == {}


def test_inside_the_library_imports_point_down():
    upward = [
        f"{path.relative_to(LIBRARY)} imports {part}"
        for path in python_files(LIBRARY)
        for part in imported_library_parts(path)
        if layer_of(part) > layer_of(part_of(path))
    ]
    assert upward == []


def test_no_two_parts_of_the_library_import_each_other():
    graph = {}
    for path in python_files(LIBRARY):
        graph.setdefault(part_of(path), set()).update(
            imported_library_parts(path) - {part_of(path)}
        )
    TopologicalSorter(graph).prepare()  # raises CycleError and names the cycle


def test_at_file_scope_the_slicer_side_imports_only_what_slicer_has():
    ours = {path.name for path in SLICER_SIDE.iterdir() if path.is_dir()} | {
        path.stem for path in SLICER_SIDE.glob("*.py")
    }
    allowed = IN_SLICER | ours | {"SlicePropagationLib"} | set(sys.stdlib_module_names)
    extra = {
        str(path.relative_to(CHECKOUT)): sorted(
            roots(imported_modules(path, file_scope_only=True)) - allowed
        )
        for path in python_files(SLICER_SIDE)
        if "SlicePropagationWeb" not in path.parts
    }
    assert {path: names for path, names in extra.items() if names} == {}


def test_there_is_no_package_file_that_would_shadow_the_module():
    assert not (SLICER_SIDE / "__init__.py").exists()


def core_modules():
    parts = [
        path
        for path in python_files(LIBRARY)
        if part_of(path) not in NEEDS_TORCH | NEEDS_MATPLOTLIB | {"__main__"}
        and path.relative_to(LIBRARY).as_posix() not in TORCH_ENGINES
    ]
    dotted = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in parts]
    return [name.removesuffix(".__init__") for name in dotted]


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
