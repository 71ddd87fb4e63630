"""`slice-propagation segment`: trained models on volumes and on sequences, and the recurrent one as an engine."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")

from case_files import read, write
from cine_phantoms import beating_disc, cine_cases, write_4d
from test_cine_training import LOOP, cine_bilstm_training, cine_unet_training, unet2d_training

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.files.record import sha256_of
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.networks.checkpoint import save_checkpoint
from SlicePropagationLib.networks.cine.bilstm import CineBiLSTM
from SlicePropagationLib.networks.cine.config import CineBiLSTMConfig, CineUNetConfig
from SlicePropagationLib.pipelines import segment_cases
from SlicePropagationLib.pipelines.montage import TILE
from SlicePropagationLib.pipelines.result_picture import color_of
from SlicePropagationLib.pipelines.segment_file import SEGMENTERS, load_segmenter
from SlicePropagationLib.pipelines.segment_picture import segmented_picture
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.segmenters.cine.bilstm import CineBiLSTMSegmenter
from SlicePropagationLib.segmenters.cine.frame_grid import FrameGridConfig
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.temporal_window import WindowConfig


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """{family: model file} that have learnt two beating discs."""
    folder = tmp_path_factory.mktemp("models")
    cases = cine_cases(folder)
    found = {
        "unet2d": unet2d_training().train(cases, cases, folder / "unet2d", device="cpu"),
        "cine_unet": (
            replace(cine_unet_training(), loop=replace(LOOP, epochs=3)).train(
                cases,
                cases,
                folder / "cine_unet",
                device="cpu",
            )
        ),
    }
    return found | {
        "cine_bilstm": (
            cine_bilstm_training().train(
                cases,
                cases,
                folder / "cine_bilstm",
                init=found["cine_unet"],
                device="cpu",
            )
        )
    }


def overlap(found, truth):
    return 2 * ((found > 0) & (truth > 0)).sum() / ((found > 0).sum() + (truth > 0).sum())


def segment(model, image, out, *options):
    return main(
        [
            "segment",
            "--image",
            str(image),
            "--model",
            str(model),
            "--out",
            str(out),
            "--device",
            "cpu",
            "--quiet",
            *options,
        ]
    )


@pytest.mark.parametrize(
    "family",
    sorted(SEGMENTERS.keys() & {"unet2d", "cine_unet", "cine_bilstm"}),
)
@pytest.mark.parametrize("suffix", [".nii.gz", ".seq.nrrd"])
def test_a_sequence_gets_a_label_map_for_every_frame(models, family, suffix, tmp_path):
    image, truth = beating_disc(0)
    out = tmp_path / f"found{suffix}"
    assert segment(models[family], write_4d(tmp_path / "cine.nii.gz", image), out) == 0
    found = read(out) if suffix == ".nii.gz" else np.moveaxis(read(out), -1, 0)
    assert found.shape == truth.shape
    assert overlap(found, truth) > 0.85
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert record["family"] == family
    assert len(record["model_sha256"]) == 64
    assert record["voxels"] == {"1": int((found == 1).sum())}


@pytest.mark.parametrize("axis", ["k", "j"])
def test_a_volume_is_segmented_along_the_axis_asked_for(models, axis, tmp_path):
    image, truth = beating_disc(0)
    order = (0, 1, 2) if axis == "k" else (1, 0, 2)
    path = write(
        tmp_path / "stack.nii.gz",
        np.ascontiguousarray(image[:, 0].transpose(order)),
        spacing=(1.0, 1.0, 1.0),
    )
    assert segment(models["cine_bilstm"], path, tmp_path / "found.nii.gz", "--axis", axis) == 0
    assert overlap(read(tmp_path / "found.nii.gz").transpose(order), truth[:, 0]) > 0.85


def greens(picture):
    """How many pixels of each tile of a montage have the first segment's colour."""
    pitch = TILE + 2
    rows, columns = (1 + side // pitch for side in picture.shape[:2])
    tiles = [
        picture[row * pitch :, column * pitch :][:TILE, :TILE]
        for row in range(rows)
        for column in range(columns)
    ]
    return [int((tile == color_of(Segment.plain(1))).all(axis=-1).sum()) for tile in tiles]


def test_the_picture_of_a_sequence_has_the_frames_of_a_slice_with_outlines(models, tmp_path):
    image, truth = beating_disc(0)
    cine = write_4d(tmp_path / "cine.nii.gz", image)
    out = tmp_path / "found.nii.gz"
    assert segment(models["unet2d"], cine, out, "--picture") == 0
    outlined = greens(read(tmp_path / "found.png"))
    assert sum(count > 0 for count in outlined) == min(len(truth), 12)
    record = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert record["files"]["found.png"] == sha256_of(tmp_path / "found.png")


def test_the_picture_of_a_volume_has_the_slices_about_what_was_found(tmp_path):
    labels = np.zeros((30, 20, 20), np.uint8)
    labels[10:14, 5:12, 5:12] = 1
    path = write(tmp_path / "image.nii.gz", 100 * labels.astype(np.int16))
    fine = np.repeat(labels, 2, axis=0)
    for found, count in ((labels, 4), (fine, 8)):
        outlined = greens(segmented_picture(read_volume(path), found, 0))
        assert sum(pixels > 0 for pixels in outlined) == count
        assert outlined[0] == 0  # the slice before it
    nothing = greens(segmented_picture(read_volume(path), np.zeros_like(labels), 0))
    assert (len(nothing), sum(nothing)) == (12, 0)


def test_a_model_that_needs_a_seed_is_refused_and_nothing_is_written(tmp_path, capsys):
    save_checkpoint(tmp_path / "walker.pt", "slice_unet.plain", {}, {})
    image = write_4d(tmp_path / "cine.nii.gz", beating_disc()[0])
    assert segment(tmp_path / "walker.pt", image, tmp_path / "found.nii.gz") == 2
    assert "slice_unet.plain" in capsys.readouterr().err
    assert not (tmp_path / "found.nii.gz").exists()


def test_a_configuration_of_another_version_is_refused(tmp_path):
    save_checkpoint(tmp_path / "odd.pt", "unet2d", {"network": {"wings": 2}}, {})
    with pytest.raises(CheckpointError, match="wings"):
        load_segmenter(tmp_path / "odd.pt", "cpu")


def untrained(radius=3):
    torch.manual_seed(0)
    return CineBiLSTMSegmenter(
        CineBiLSTM(CineBiLSTMConfig(CineUNetConfig(2, (4, 8)), 4)),
        FrameGridConfig(32, 0.0),
        WindowConfig(radius, 0.1),
    )


def test_a_cycle_may_begin_at_any_frame_and_an_open_sequence_may_not():
    images = np.random.default_rng(0).normal(size=(7, 32, 32)).astype(np.float32)
    turned = np.roll(images, 2, axis=0)
    model = untrained()
    plain = model.probabilities(SliceStack(images, is_cyclic=True))[1]
    assert np.allclose(
        np.roll(plain, 2, axis=0),
        model.probabilities(SliceStack(turned, is_cyclic=True))[1],
        atol=1e-5,
    )
    assert np.allclose(plain.sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(plain[0], model.probabilities(SliceStack(images))[1][0], atol=1e-5)


def test_the_recurrent_model_is_an_engine_that_keeps_to_what_was_drawn(models):
    image, truth = beating_disc(0)
    stack = SliceStack(image[:, 0].astype(np.float32), is_cyclic=True)
    engine = make_engine(models["cine_bilstm"], "cpu")
    drawn = truth[0, 0].astype(bool)
    drawn[16, :] = False  # a person cuts the disc in two: its neighbours follow, far frames do not
    session = AnnotationSession(stack, (1,))
    session.annotate(1, 0, drawn)
    for _ in propagate(session, engine, plan_session(session)):
        pass
    found = session.masks(1)
    assert engine.name == "cine_bilstm"
    assert np.array_equal(found[0], drawn)
    assert overlap(found[3:6], truth[3:6, 0]) > 0.85
    assert found[1, 16].sum() < truth[1, 0, 16].sum() / 2
    assert found[4, 16].sum() > truth[4, 0, 16].sum() / 2


@pytest.mark.parametrize("command", ["propagate", "pseudo-label"])
def test_the_recurrent_model_carries_annotated_frames_along_time(models, command, tmp_path):
    image, truth = beating_disc(0)
    seed = np.zeros_like(truth)
    seed[[0, 4]] = truth[[0, 4]]
    seed[0, 0, 16] = 0  # a person cuts the disc in two
    out = tmp_path / "found.nii.gz"
    assert (
        main(
            [
                command,
                "--image",
                str(write_4d(tmp_path / "cine.nii.gz", image)),
                "--seed",
                str(write_4d(tmp_path / "seed.nii.gz", seed)),
                "--out",
                str(out),
                "--engine",
                str(models["cine_bilstm"]),
                "--device",
                "cpu",
                "--quiet",
                *(["--axis", "t"] if command == "propagate" else []),
            ]
        )
        == 0
    )
    found = read(out)
    assert np.array_equal(found[[0, 4]], seed[[0, 4]])
    assert overlap(found[2:7], truth[2:7]) > 0.85
    assert found[1, 0, 16].sum() < truth[1, 0, 16].sum()
    assert (
        found[7, 0, 16].sum() < truth[7, 0, 16].sum()
    )  # the neighbours follow, on both sides of the cycle's end
    assert (
        json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["engine"] == "cine_bilstm"
    )


def test_a_label_that_the_model_does_not_know_is_named(models):
    stack = SliceStack(beating_disc(0)[0][:, 0].astype(np.float32))
    session = AnnotationSession(stack, (5,))
    session.annotate(5, 0, beating_disc(0)[1][0, 0].astype(bool))
    with pytest.raises(ConfigError, match="label 5"):
        list(propagate(session, make_engine(models["cine_bilstm"], "cpu"), plan_session(session)))


@pytest.fixture
def table(tmp_path):
    """A table of two discs and of a file that is none, and the folder of the results."""
    for number in range(2):
        write_4d(tmp_path / f"cine{number}.nii.gz", beating_disc(number)[0])
    (tmp_path / "none.nii.gz").write_text("no image", encoding="utf-8")
    rows = ["image,out", *(f"{name}.nii.gz,{name}.nrrd" for name in ("none", "cine0", "cine1"))]
    (tmp_path / "cases.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path / "cases.csv"


def segment_many(model, table, out, *options):
    words = ["segment", "--cases", str(table), "--model", str(model), "--out", str(out)]
    return main([*words, "--device", "cpu", "--quiet", *options])


def test_a_table_of_images_is_segmented_and_resumed(models, table, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    assert segment_many(models["unet2d"], table, out) == 1
    said = capsys.readouterr().out
    assert "2 of 3 cases done, 1 failed" in said
    assert "none.nrrd: " in said
    assert segment(models["unet2d"], tmp_path / "cine1.nii.gz", tmp_path / "one.nrrd") == 0
    assert np.array_equal(read(out / "cine1.nrrd"), read(tmp_path / "one.nrrd"))

    write_4d(tmp_path / "none.nii.gz", beating_disc(3)[0])
    write_4d(tmp_path / "cine0.nii.gz", beating_disc(2)[0])  # another image of the same name
    made = []
    do_case = segment_cases.do_case
    monkeypatch.setattr(segment_cases, "do_case", lambda case: made.append(case) or do_case(case))
    code = segment_many(models["unet2d"], table, out, "--resume")
    assert code == 0, capsys.readouterr().out
    assert [Path(case.out).name for case in made] == ["none.nrrd", "cine0.nrrd"]
    assert (out / "manifest.csv").read_text(encoding="utf-8").count("already done") == 1


def test_a_page_shows_all_images_of_a_table_with_what_was_found(models, table, tmp_path, capsys):
    assert segment_many(models["unet2d"], table, tmp_path / "out", "--picture") == 1
    assert "All cases at a glance: " in capsys.readouterr().out
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "2 of 3 cases done, 1 failed" in page
    assert page.count("data:image/jpeg") == 2
    assert page.count("<p>found by ") == 2
    assert "confidence" not in page
    assert page.index(">cine0<") < page.index(">cine1<")


@pytest.mark.parametrize("where", ["cluster", "processes"])
def test_others_find_what_this_process_does_and_the_model_is_loaded_once(
    models, table, tmp_path, where, monkeypatch
):
    segment_many(models["unet2d"], table, tmp_path / "here")
    if where == "processes":
        assert segment_many(models["unet2d"], table, tmp_path / "there", "--workers", "2") == 1
    else:
        distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
        options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
        loaded = []
        load = segment_cases.load_segmenter
        monkeypatch.setattr(
            segment_cases, "load_segmenter", lambda *words: loaded.append(words) or load(*words)
        )
        with distributed.LocalCluster(**options, processes=False) as cluster:
            address = cluster.scheduler_address
            words = ("--scheduler", address)
            assert segment_many(models["unet2d"], table, tmp_path / "there", *words) == 1
        assert len(loaded) == 2  # here, to refuse what is none, and on the worker
    for name in ("cine0.nrrd", "cine1.nrrd"):
        assert np.array_equal(read(tmp_path / "there" / name), read(tmp_path / "here" / name))


def test_what_is_of_one_image_or_of_many_is_said(models, table, tmp_path, capsys):
    assert segment_many(models["unet2d"], table, tmp_path / "out", "--series", "1") == 2
    assert "the table has columns" in capsys.readouterr().err
    image = tmp_path / "cine0.nii.gz"
    assert segment(models["unet2d"], image, tmp_path / "x.nrrd", "--workers", "2") == 2
    assert "of --cases" in capsys.readouterr().err
