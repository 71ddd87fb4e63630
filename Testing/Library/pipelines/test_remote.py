"""Images are read from, and results sent to, any URL that fsspec knows."""

import csv
import functools
import http.server
import json
import re
import threading
from pathlib import Path

import pytest
from case_files import make_case, read

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError, InputError, OutputError
from SlicePropagationLib.files.unpacked import FOLDER
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.pipelines import batch_page
from SlicePropagationLib.pipelines.batch import BatchRequest, run_batch
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store elsewhere, with two cases and their table."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    found = fsspec.filesystem("memory")
    found.store.clear()
    found.pseudo_dirs[:] = [""]
    lines = ["image,seed,out"]
    for number in range(2):
        (tmp_path / f"p{number}").mkdir()
        make_case(tmp_path / f"p{number}", slices=(5 + number,))
        for name in ("image", "seed"):
            url = f"memory://bucket/p{number}/{name}.nii.gz"
            found.put(str(tmp_path / f"p{number}/{name}.nii.gz"), url)
        lines.append(f"p{number}/image.nii.gz,p{number}/seed.nii.gz,p{number}.nii.gz")
    text = "\n".join(lines) + "\n"
    found.pipe_file("memory://bucket/cases.csv", text.encode())
    (tmp_path / "cases.csv").write_text(text, encoding="utf-8")
    yield found
    found.store.clear()
    assert not list((tmp_path / "cache").glob("*")), "copies are left"


def batch(out, cases="memory://bucket/cases.csv", **options):
    request = BatchRequest(cases, str(out), engine="copy", has_pictures=True, **options)
    return list(run_batch(request))


def manifest(store):
    text = store.cat_file("memory://bucket/results/manifest.csv").decode()
    return [row["status"] for row in csv.DictReader(text.splitlines())]


def test_a_batch_reads_and_writes_elsewhere_what_it_would_here(store, tmp_path):
    assert [outcome.error for outcome in batch("memory://bucket/results")] == [None, None]
    batch(tmp_path / "here", tmp_path / "cases.csv")
    for number in range(2):
        store.get(f"/bucket/results/p{number}.nii.gz", str(tmp_path / "there.nii.gz"))
        here = tmp_path / "here" / f"p{number}"
        assert (read(tmp_path / "there.nii.gz") == read(f"{here}.nii.gz")).all()
        table = store.cat_file(f"/bucket/results/p{number}.slices.csv")
        assert table == Path(f"{here}.slices.csv").read_bytes()
    names = sorted(Path(name).name for name in store.ls("/bucket/results", detail=False))
    assert names == sorted(path.name for path in (tmp_path / "here").iterdir())
    assert manifest(store) == ["done", "done"]
    record = json.loads(store.cat_file("/bucket/results/p0.json"))
    assert record["image"] == "memory://bucket/p0/image.nii.gz"
    page = store.cat_file("/bucket/results/index.html").decode()
    assert page.count("data:image/jpeg") == 2


def test_the_page_over_many_cases_elsewhere_shows_the_pictures_beside_it(store, monkeypatch):
    monkeypatch.setattr(batch_page, "MOST_PICTURES_WITHIN", 1)
    batch("memory://bucket/results")
    page = store.cat_file("/bucket/results/index.html").decode()
    pictures = re.findall(r'<img src="([^"]*)"', page)
    assert sorted(pictures) == ["p0.png", "p1.png"]
    assert all(store.exists(f"/bucket/results/{name}") for name in pictures)


def test_what_is_done_elsewhere_is_passed_over_until_its_image_changes(store, tmp_path):
    batch("memory://bucket/results")
    again = batch("memory://bucket/results", resume=True)
    assert [outcome.is_skipped for outcome in again] == [True, True]
    assert manifest(store) == ["already done", "already done"]
    make_case(tmp_path / "p1", slices=(5,))
    store.put(str(tmp_path / "p1/seed.nii.gz"), "/bucket/p1/seed.nii.gz")
    third = batch("memory://bucket/results", resume=True)
    assert {outcome.name: outcome.is_skipped for outcome in third} == {
        "memory://bucket/results/p0.nii.gz": True,
        "memory://bucket/results/p1.nii.gz": False,
    }


def test_a_case_that_could_not_be_sent_as_a_whole_is_done_again(store, monkeypatch):
    batch("memory://bucket/results")
    sent = store.put_file

    def cut_off(source, target, **options):
        if target.endswith("p1.json"):
            raise OSError("the line is dead")
        sent(source, target, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "put_file", lambda _, *names, **options: cut_off(*names))
        outcomes = batch("memory://bucket/results")
    failed = [outcome.error for outcome in outcomes if outcome.error]
    assert len(failed) == 1 and "the line is dead" in failed[0]
    assert not store.exists("/bucket/results/p1.done.json")
    again = batch("memory://bucket/results", resume=True)
    assert [outcome.is_skipped for outcome in again] == [True, False]
    assert again[1].error is None and store.exists("/bucket/results/p1.done.json")


def test_the_command_line_takes_urls(store, tmp_path, capsys):
    urls = [f"memory://bucket/p0/{name}.nii.gz" for name in ("image", "seed", "out")]
    words = ["--image", urls[0], "--seed", urls[1], "--out", urls[2], "--engine", "copy"]
    assert main(["propagate", *words]) == 0
    assert urls[2] in capsys.readouterr().out
    assert store.exists("/bucket/p0/out.json")
    options = ["--engine", "copy", "--quiet", "--cases", "memory://bucket/cases.csv"]
    assert main(["batch", *options, "--out", "memory://bucket/results"]) == 0
    said = capsys.readouterr().out
    assert "All cases at a glance: memory://bucket/results/index.html" in said


def test_labels_as_ome_zarr_are_sent_and_read_elsewhere(store, tmp_path):
    pytest.importorskip("zarr")
    image, seed = (str(tmp_path / f"p0/{name}.nii.gz") for name in ("image", "seed"))
    out = "memory://bucket/out.ome.zarr"
    for _ in range(2):
        propagate_file(PropagateRequest(image, seed, out, engine="copy"))
    propagate_file(PropagateRequest(image, seed, tmp_path / "out.nii.gz", engine="copy"))
    assert (read_volume(out).array == read(tmp_path / "out.nii.gz")).all()


def test_a_foreign_file_elsewhere_is_never_replaced(store, tmp_path):
    store.pipe_file("/bucket/out.json", b'{"scan": 1}')
    image, seed = (f"memory://bucket/p0/{name}.nii.gz" for name in ("image", "seed"))
    with pytest.raises(OutputError, match=r"was not written by this program"):
        propagate_file(PropagateRequest(image, seed, "memory://bucket/out.nii.gz", engine="copy"))
    store.pipe_file("/bucket/results/manifest.csv", b"mine")
    with pytest.raises(OutputError, match=r"memory://bucket/results/manifest.csv is there"):
        batch("memory://bucket/results")
    assert store.cat_file("/bucket/results/manifest.csv") == b"mine"


def test_what_is_not_there_or_not_known_is_said_with_its_url(store):
    with pytest.raises(InputError, match="There is no file memory://bucket/none.nii.gz"):
        read_volume("memory://bucket/none.nii.gz")
    store.pipe_file("/bucket/bad.nii.gz", b"no image")
    with pytest.raises(InputError, match="memory://bucket/bad.nii.gz"):
        read_volume("memory://bucket/bad.nii.gz")
    with pytest.raises(InputError, match="nosuch://bucket/image.nii.gz is no URL that is known"):
        read_volume("nosuch://bucket/image.nii.gz")
    with pytest.raises(ConfigError, match="needs a package that is not installed"):
        read_volume("dvc://bucket/image.nii.gz")


def test_an_image_of_a_server_is_fetched_and_nothing_can_be_written_there(store, tmp_path):
    pytest.importorskip("aiohttp")
    folder = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/p0"
        volume = read_volume(f"{address}/image.nii.gz")
        assert (volume.array == read(tmp_path / "p0/image.nii.gz")).all()
        seed = f"{address}/seed.nii.gz"
        request = PropagateRequest(
            f"{address}/image.nii.gz", seed, f"{address}/o.nrrd", engine="copy"
        )
        with pytest.raises(OutputError, match="cannot be reached"):
            propagate_file(request)
        server.shutdown()


def test_many_images_are_segmented_into_a_store_and_passed_over_until_one_changes(store, tmp_path):
    pytest.importorskip("torch")
    from dataclasses import asdict

    from SlicePropagationLib.networks.checkpoint import save_checkpoint
    from SlicePropagationLib.networks.config import UNetConfig
    from SlicePropagationLib.networks.unet import UNet
    from SlicePropagationLib.pipelines.segment_cases import SegmentCasesRequest, segment_cases

    network = UNet(UNetConfig(1, 3, 2, 4))
    config = {"network": asdict(network.config), "frames": {"grid": {"size": 32, "pixel_mm": 0.0}}}
    save_checkpoint(tmp_path / "model.pt", "unet2d", config, network.state_dict())

    def done(out, **options):
        cases = tmp_path / "cases.csv" if out == tmp_path else "memory://bucket/cases.csv"
        request = SegmentCasesRequest(
            cases, str(out), tmp_path / "model.pt", device="cpu", has_pictures=True, **options
        )
        return {
            outcome.name.rsplit("/", 1)[-1]: (outcome.error, outcome.is_skipped)
            for outcome in segment_cases(request)
        }

    fresh = {"p0.nii.gz": (None, False), "p1.nii.gz": (None, False)}
    assert done("memory://bucket/results") == fresh
    assert manifest(store) == ["done", "done"]
    for name in ("p0.png", "p0.json", "index.html"):
        assert store.exists(f"memory://bucket/results/{name}")
    assert done(tmp_path) == fresh
    there = read_volume("memory://bucket/results/p1.nii.gz").array
    assert (there == read_volume(tmp_path / "p1.nii.gz").array).all()
    skipped = {"p0.nii.gz": (None, True), "p1.nii.gz": (None, True)}
    assert done("memory://bucket/results", resume=True) == skipped
    store.put(str(tmp_path / "p0/image.nii.gz"), "/bucket/p1/image.nii.gz")
    changed = done("memory://bucket/results", resume=True)
    assert changed == skipped | {"p1.nii.gz": (None, False)}
