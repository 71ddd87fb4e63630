"""The BiRNN over what an engine propagates.

Trained on walks, it keeps the contract of a walk, and removes what neighbours contradict.
"""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from case_files import make_case, read
from phantoms import RepeatingEngine, blank_stack, drifting_disc, square

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.pnet.smoothed import SmoothedEngine, load_birnn
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.files.segmentation_file import read_labels, write_labels
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.networks.checkpoint import load_checkpoint, save_checkpoint
from SlicePropagationLib.networks.pnet.birnn import BiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.planning import Run
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.training.pnet.smoother import PRESETS, SmootherTask, Walks


class FlickeringEngine(RepeatingEngine):
    """Loses the structure on every third slice."""

    name = "flickering"

    def walk(self, stack, run, anchors):
        for number, probability in enumerate(super().walk(stack, run, anchors)):
            yield probability * np.float32(0.4 if number % 3 == 1 else 0.9)


def write_birnn(path):
    torch.manual_seed(0)
    config = BiRNNConfig()
    save_checkpoint(path, "birnn", {"birnn": {"has_biases": True}}, BiRNN(config).state_dict())
    return path


def test_a_trained_smoother_brings_back_what_flickers(tmp_path):
    """In a gap between two anchors, every third slice was lost."""
    mask = square(6, 6, 8)
    anchors = {0: square(6, 6, 8), 7: square(6, 6, 8)}
    run = Run(0, (1, 2, 3, 4, 5, 6))
    task = SmootherTask(PRESETS["default"].task)
    flickering = np.stack(
        [mask, *FlickeringEngine().walk(blank_stack(), run, anchors), mask]
    ).astype(np.float32)
    batch = {
        "probability": torch.from_numpy(flickering)[None],
        "is_annotated": torch.tensor([[True, *[False] * 6, True]]),
        "truth": torch.from_numpy(np.broadcast_to(mask, flickering.shape).astype(np.float32))[None],
    }
    optimizer = torch.optim.Adam(task.parameters(), lr=0.05)
    before = task.metrics(batch)
    for _ in range(60):
        optimizer.zero_grad()
        task(batch)["total"].backward()
        optimizer.step()
    assert before["dice_before"] < 0.75
    assert task.metrics(batch)["dice"] > 0.95
    found = list(SmoothedEngine(FlickeringEngine(), task.network).walk(blank_stack(), run, anchors))
    assert len(found) == 6
    assert all(np.array_equal(values >= 0.5, mask) for values in found)


def test_a_smoothed_walk_ends_where_the_engine_ends_and_anchors_stay():
    stack = blank_stack(8)
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 2, square(6, 6, 8))
    engine = SmoothedEngine(RepeatingEngine(reach=3), BiRNN(BiRNNConfig()))
    for _ in propagate(session, engine, plan_session(session)):
        pass
    assert np.flatnonzero(session.masks(1).any(axis=(1, 2))).tolist() == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(session.mask(1, 2), square(6, 6, 8))
    assert engine.name == "repeating+birnn"


def test_walks_of_training_go_both_ways_from_one_annotated_slice_and_then_between_three(tmp_path):
    paths = make_case(tmp_path)
    walks = Walks(
        [TrainingCase(str(paths["image"]), str(paths["truth"]), "discs", "one")],
        make_engine("registration"),
    )
    _, truth = drifting_disc()
    assert len(walks) == 6
    for walk in (walks[0], walks[1]):
        assert torch.equal(walk["probability"][0], walk["truth"][0])
        assert walk["truth"][0].sum() == truth[8].sum()
        assert len(walk["truth"]) > 3
        assert walk["is_annotated"].tolist() == [True] + [False] * (len(walk["truth"]) - 1)
    arrived = [walk for walk in walks.walks if walk["is_annotated"][-1]]
    assert len(arrived) == 2
    assert all(torch.equal(walk["probability"][-1], walk["truth"][-1]) for walk in arrived)


def test_a_segment_that_nobody_drew_has_no_walks(tmp_path):
    paths = make_case(tmp_path)
    volume = read_volume(paths["image"])
    labels, segments = read_labels(paths["truth"], volume)
    write_labels(tmp_path / "truth.seg.nrrd", labels, volume, [*segments, Segment.plain(2)])
    drawn, named = (
        Walks([TrainingCase(str(paths["image"]), str(path), "discs", "one")], make_engine("copy"))
        for path in (paths["truth"], tmp_path / "truth.seg.nrrd")
    )
    assert len(named) == len(drawn) > 0


def test_a_smoother_trained_on_the_command_line_smooths_on_the_command_line_and_is_recorded(
    tmp_path,
    capsys,
):
    paths = make_case(tmp_path)
    case = TrainingCase(str(paths["image"]), str(paths["truth"]), "discs", "one")
    training = replace(
        PRESETS["default"],
        loop=replace(PRESETS["default"].loop, epochs=2, precision="32-true"),
    )
    best = training.train([case], [case], tmp_path / "out", device="cpu")
    out = tmp_path / "found.nii.gz"
    assert (
        main(
            [
                "propagate",
                "--image",
                str(paths["image"]),
                "--seed",
                str(paths["seed"]),
                "--out",
                str(out),
                "--engine",
                "registration",
                "--smooth",
                str(best),
                "--quiet",
            ]
        )
        == 0
    )
    truth = read(paths["truth"])
    found = read(out)
    assert 2 * ((found == 1) & (truth == 1)).sum() / (found.sum() + truth.sum()) > 0.85
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert record["engine"] == "registration+birnn"
    assert record["smoother_sha256"] == load_checkpoint(best).sha256

    assert (
        main(
            [
                "propagate",
                "--image",
                str(paths["image"]),
                "--history",
                str(tmp_path / "found.json"),
                "--out",
                str(tmp_path / "again.nii.gz"),
                "--engine",
                "registration",
                "--quiet",
            ]
        )
        == 2
    )
    assert "--smooth" in capsys.readouterr().err


def test_an_evaluation_scores_again_what_another_smoother_smooths(tmp_path):
    make_case(tmp_path)
    (tmp_path / "cases.csv").write_text(
        "image,label\nimage.nii.gz,truth.nii.gz\n",
        encoding="utf-8",
    )
    command = [
        "evaluate",
        "--cases",
        str(tmp_path / "cases.csv"),
        "--engines",
        f"mine=copy+{write_birnn(tmp_path / 'birnn.pt')}",
        "--shots",
        "1",
        "--out",
        str(tmp_path / "out"),
        "--quiet",
    ]
    assert main(command) == 0
    before = (tmp_path / "out" / "weights.json").read_text(encoding="utf-8")
    rows = (tmp_path / "out" / "rows.csv").read_text(encoding="utf-8")
    marked = re.sub(r"(mine,largest,suggested,1,\d+,)0\.", r"\g<1>7.", rows)
    (tmp_path / "out" / "rows.csv").write_text(marked, encoding="utf-8")
    assert marked != rows
    assert main(command) == 0
    assert (tmp_path / "out" / "rows.csv").read_text(encoding="utf-8") == marked  # taken over
    save_checkpoint(
        tmp_path / "birnn.pt",
        "birnn",
        {"birnn": {"has_biases": True}},
        BiRNN(BiRNNConfig()).state_dict(),
        metrics={"dice": 1.0},
    )
    assert main(command) == 0
    assert (tmp_path / "out" / "rows.csv").read_text(encoding="utf-8") != marked
    assert (tmp_path / "out" / "weights.json").read_text(encoding="utf-8") != before


def test_the_smoother_of_a_pnet_and_one_alone_are_both_read(tmp_path):
    alone = load_birnn(write_birnn(tmp_path / "birnn.pt"))
    weights = {f"birnn.{name}": value for name, value in alone.state_dict().items()} | {
        "pnet.x": torch.zeros(1)
    }
    save_checkpoint(tmp_path / "both.pt", "pnet_birnn", {"birnn": {"has_biases": True}}, weights)
    both = load_birnn(tmp_path / "both.pt")
    assert all(
        torch.equal(value, both.state_dict()[name]) for name, value in alone.state_dict().items()
    )


def test_what_cannot_smooth_is_refused(tmp_path):
    save_checkpoint(tmp_path / "pnet.pt", "pnet", {}, {})
    with pytest.raises(CheckpointError, match="'pnet'"):
        make_engine(f"copy+{tmp_path / 'pnet.pt'}")
    with pytest.raises(ConfigError, match="no engine 'copy.birnn'.*model file"):
        make_engine("copy+birnn")
    with pytest.raises(ConfigError, match="batch_size"):
        replace(PRESETS["default"], loop=replace(PRESETS["default"].loop, batch_size=2))
