"""Engines that other packages bring, and names with an argument; the packages are real, if small."""

import re
from pathlib import Path

import numpy as np
import pytest
from case_files import make_case, read
from phantoms import drifting_disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine, split_name
from SlicePropagationLib.engines.brought import is_brought, weights_file
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.evaluation.jobs import read_protocol
from SlicePropagationLib.evaluation.protocol import EvaluationProtocol, Job
from SlicePropagationLib.evaluation.request import EvaluateRequest
from SlicePropagationLib.evaluation.resume import sources_of
from SlicePropagationLib.pipelines.batch import fingerprint
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

PAGE = Path(__file__).resolve().parents[3] / "docs" / "own-engine.md"

# Behind the engine of the documentation: the same weights, whatever the argument.
HASHED = """
def make(device, argument):
    engine = make_fading(device, argument)
    engine.model_sha256 = "of these weights"
    return engine
"""


def example():
    """The engine of the documentation, as it stands there."""
    text = PAGE.read_text(encoding="utf-8")
    return re.search(r"<!-- example: engine -->\n```python\n(.*?)```", text, re.DOTALL).group(1)


def entry():
    """(name, object) of the entry point that the documentation shows."""
    text = PAGE.read_text(encoding="utf-8")
    return re.search(r'engines"\]\n(\w+) = "([\w.:]+)"', text).groups()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a package of one module which brings an engine."""

    def install(name, target, source):
        module = target.partition(":")[0]
        folder = tmp_path / f"{module}-site"
        about = folder / f"{module}-1.0.dist-info"
        about.mkdir(parents=True)
        (folder / f"{module}.py").write_text(source, encoding="utf-8")
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(
            f"[slice_propagation.engines]\n{name} = {target}\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(str(folder))

    return install


@pytest.fixture
def installed(install):
    """The name of the engine of the documentation, installed."""
    name, target = entry()
    install(name, target, example())
    return name


def masks_of(engine, anchors=(5,)):
    stack, truth = drifting_disc()
    session = AnnotationSession(stack, (1,))
    for index in anchors:
        session.annotate(1, index, truth[index])
    for _ in propagate(session, engine, plan_session(session)):
        pass
    return session.masks(1), truth


def test_the_engine_of_the_documentation_is_a_dozen_lines_and_keeps_the_contract(installed):
    code = [line for line in example().splitlines() if line.strip() and "import" not in line]
    assert len(code) <= 20
    engine = make_engine(f"{installed}:0.8", "cpu")
    found, truth = masks_of(engine, (5, 9))
    np.testing.assert_array_equal(found[[5, 9]], truth[[5, 9]])
    assert found[7].any()
    assert list(engine.walk(drifting_disc()[0], Run(0, (1,)), {0: truth[0]})) == []


def test_the_argument_reaches_the_engine(installed):
    certain = next(masks_walk(make_engine(f"{installed}:1.0")))
    unsure = next(masks_walk(make_engine(f"{installed}:0.6")))
    assert certain.max() == 1.0
    assert unsure.max() == pytest.approx(0.6)


def masks_walk(engine):
    stack, truth = drifting_disc()
    return engine.walk(stack, Run(5, (6,)), {5: truth[5]})


def test_the_command_line_lists_it_and_walks_with_it(installed, tmp_path, capsys):
    assert main(["engines"]) == 0
    listed = capsys.readouterr().out
    assert re.search(rf"^{installed} .*{entry()[1].partition(':')[0]}", listed, re.MULTILINE)
    paths = make_case(tmp_path, slices=(7,))
    out = tmp_path / "found.nii.gz"
    arguments = ["propagate", "--quiet", "--engine", installed, "--out", str(out)]
    files = ["--image", str(paths["image"]), "--seed", str(paths["seed"])]
    assert main([*arguments, *files]) == 0
    np.testing.assert_array_equal(read(out)[7], read(paths["seed"])[7])


def test_a_package_that_cannot_be_loaded_is_named_with_the_reason(install):
    install("broken", "broken_engine:make", "import no_such_package_anywhere\n")
    with pytest.raises(ConfigError, match=r"'broken' \(broken_engine:make\).*no_such_package"):
        make_engine("broken:x")


def test_what_is_no_engine_is_refused(install):
    install("odd", "odd_engine:make", "def make(device, argument):\n    return 3\n")
    with pytest.raises(ConfigError, match="'odd'.* is a int without the name and the walk"):
        make_engine("odd")


def test_a_package_cannot_take_the_name_of_an_engine_of_ours(install):
    install("copy", "copying_engine:make", "def make(device, argument):\n    raise SystemExit\n")
    assert make_engine("copy").name == "copy"


@pytest.mark.parametrize("name", ["C:/weights/mine.pt", "C:\\mine.pt", "nowhere:x", "mine.pt"])
def test_a_path_or_an_unknown_name_is_not_taken_for_an_engine_of_a_package(name):
    assert not is_brought(name)


def test_an_unknown_name_is_refused_with_all_ways_to_name_one():
    with pytest.raises(ConfigError, match=r"'nowhere:x'.*registration.*\.pt.*NAME:ARGUMENT"):
        make_engine("nowhere:x")


def test_what_smooths_is_told_from_an_argument(tmp_path):
    assert split_name("sam2:a.pt@512+s.pt") == ("sam2:a.pt@512", "s.pt")
    assert split_name("sam2:a.pt+s.pt") == ("sam2:a.pt", "s.pt")
    path = tmp_path / "base+large.pt"
    path.touch()
    assert split_name(f"sam2:{path}") == (f"sam2:{path}", None)
    assert split_name(f"sam2:{path}+s.pt") == (f"sam2:{path}", "s.pt")


def test_the_file_of_an_argument_is_found_with_and_without_an_option(tmp_path):
    path = tmp_path / "w@home.pt"
    path.touch()
    assert weights_file(f"sam2:{path}") == path
    assert weights_file(f"sam2:{path}@512") == path
    assert weights_file(f"sam2:{path}.no") is None
    assert weights_file(str(path)) is None


def test_without_the_package_the_sentence_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(
        "SlicePropagationLib.engines.engine_info.util.find_spec",
        lambda name: None if name == "sam2" else name,
    )
    with pytest.raises(ConfigError, match=r"needs sam2, .*--no-build-isolation.*\[sam2\]"):
        make_engine("sam2:weights.pt")


def test_a_result_is_done_again_when_the_weights_of_its_argument_changed(tmp_path):
    paths = make_case(tmp_path, slices=(7,))
    weights = tmp_path / "weights.pt"
    case = PropagateRequest(
        image=str(paths["image"]),
        seed=str(paths["seed"]),
        out=str(tmp_path / "out.nii.gz"),
        engine=f"sam2:{weights}@512",
    )
    weights.write_bytes(b"one")
    first = fingerprint(case)
    assert fingerprint(case) == first
    weights.write_bytes(b"two")
    assert fingerprint(case) != first


def test_an_evaluation_names_it_by_its_argument_or_as_told(installed, tmp_path):
    weights = tmp_path / "weights.pt"
    weights.touch()
    source = f"{installed}:0.6"
    request = EvaluateRequest("cases.csv", "out", engines=(f"mine={installed}:0.8", source))
    assert read_protocol(request).names == ["mine", source]


def test_scores_of_the_same_weights_with_another_option_are_not_taken_over(install, tmp_path):
    install("fading", "hashed_engine:make", example() + HASHED)
    paths = make_case(tmp_path, slices=(7,))

    def origin(source):
        protocol = EvaluationProtocol((("mine", source),), (), ())
        files = (str(paths["image"]), str(paths["seed"]))
        return sources_of([Job(*files, "discs", "one", protocol)]).weights["mine"]

    assert origin("fading:0.8") == origin("fading:0.8")
    assert origin("fading:0.8") != origin("fading:0.6")
