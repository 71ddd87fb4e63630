"""Large volumes stay in their files: same results, and memory for what is looked at."""

import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.files import mapped_file, segmentation_file, unpacked
from SlicePropagationLib.files.mapped_file import MappedImage
from SlicePropagationLib.files.segmentation_file import read_segmentation, write_layers
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.mapped_slices import MappedSlices
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file
from SlicePropagationLib.stack import SliceStack, find_padding

CHECKOUT = Path(__file__).resolve().parents[3]
SHAPE = (14, 40, 44)


def grown(shape=SHAPE):
    """A disc that moves a little from slice to slice, and its masks."""
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    image = np.random.default_rng(0).normal(0, 6, shape) + 1000
    masks = np.zeros(shape, bool)
    for index in range(2, shape[0] - 2):
        masks[index] = np.hypot(rows - 18 - index / 2, columns - 20) < 9
    image[masks] += 90
    return image.round().astype(np.int16), masks


def written(path, array, packed=False):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.8, 0.9, 2.5))
    image.SetOrigin((-7.0, 11.0, 3.0))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    sitk.WriteImage(image, str(path), packed)
    return path


@pytest.fixture
def anything_is_large(monkeypatch, tmp_path):
    monkeypatch.setattr(mapped_file, "MAPPED_BYTES", 0)
    monkeypatch.setattr(mapped_file, "UNPACKED_BYTES", 0)
    monkeypatch.setattr(segmentation_file, "MAPPED_BYTES", 0)
    monkeypatch.setenv(unpacked.FOLDER, str(tmp_path / "cache"))


KINDS = [("nrrd", False), ("nrrd", True), ("mha", False), ("mha", True), ("mhd", False)]
KINDS += [("nhdr", False), ("nii", False), ("nii.gz", True)]


@pytest.mark.parametrize(("ending", "packed"), KINDS)
def test_a_mapped_volume_is_the_one_that_is_read(ending, packed, tmp_path, anything_is_large):
    path = written(tmp_path / f"image.{ending}", grown()[0], packed)
    whole = read_volume(path)
    mapped = read_volume(path, may_map=True)
    assert isinstance(mapped.image, MappedImage)
    assert isinstance(mapped.array, np.memmap)
    assert np.array_equal(mapped.array, whole.array)
    for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(mapped.image, name)(), getattr(whole.image, name)(), atol=1e-9)
    assert whole.array.dtype == mapped.array.dtype


def test_byte_order_scaling_and_odd_values_are_those_of_the_volume_that_is_read(
    tmp_path, anything_is_large, caplog
):
    array = grown()[0]
    header = (
        b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 44 40 14\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,2)\nkinds: domain domain domain\nendian: big\n"
        b"encoding: raw\nspace origin: (0,0,0)\n\n"
    )
    (tmp_path / "big.nrrd").write_bytes(header + array.astype(">i2").tobytes())
    nifti = written(tmp_path / "scaled.nii", array)
    content = bytearray(nifti.read_bytes())
    content[112:120] = np.array([0.25, -3], "<f4").tobytes()
    nifti.write_bytes(content)
    holed = array.astype(np.float32)
    holed[3, 4, 5:9] = (np.nan, np.inf, -np.inf, np.nan)
    written(tmp_path / "holed.nrrd", holed)
    for name in ("big.nrrd", "scaled.nii", "holed.nrrd"):
        mapped = read_volume(tmp_path / name, may_map=True).array
        assert isinstance(mapped, np.memmap), name
        assert np.array_equal(mapped, read_volume(tmp_path / name).array), name
    said = [record.getMessage() for record in caplog.records if "NaN" in record.getMessage()]
    assert len(said) == 2 and said[0] == said[1]


@pytest.mark.parametrize("sign", [1, -1])
def test_padding_is_found_block_by_block(sign, monkeypatch, tmp_path):
    monkeypatch.setattr("SlicePropagationLib.mapped_slices.BLOCK_BYTES", 4 * 40 * 44 * 3)
    monkeypatch.setattr("SlicePropagationLib.stack.SAMPLED_VOXELS", 900)
    array = sign * grown()[0]
    array[:, :6] = sign * -2000
    array.tofile(tmp_path / "voxels")
    voxels = np.memmap(tmp_path / "voxels", np.int16, "r", 0, SHAPE)
    for axis in range(3):
        plain = SliceStack.from_volume(array, (1, 1, 1), axis)
        mapped = SliceStack.from_volume(voxels, (1, 1, 1), axis)
        assert isinstance(mapped.images, MappedSlices)
        found = find_padding(plain.images, sign)
        assert found is not None and found == find_padding(mapped.images, sign)
        filled = mapped.without_padding.images
        assert isinstance(filled, MappedSlices)
        assert np.array_equal(np.asarray(filled), plain.without_padding.images)
        assert np.array_equal(filled[2], plain.without_padding.images[2])


@pytest.mark.parametrize(
    ("ending", "packed", "engine"),
    [("nrrd", True, "slice_unet"), ("nii", False, "registration"), ("mha", False, "registration")],
)
def test_a_mapped_volume_is_propagated_as_one_that_is_read(
    ending, packed, engine, tmp_path, request
):
    if engine == "slice_unet":
        pytest.importorskip("torch")
    image, masks = grown()
    seed = np.zeros(SHAPE, np.int16)
    for index in (4, 9):
        seed[index][masks[index]] = 3
        seed[index, 2:6, 30:38] = 7
    names = [written(tmp_path / f"{name}.{ending}", array, packed) for name, array in
             (("image", image), ("seed", seed))]  # fmt: skip
    outs = [tmp_path / folder / f"out.{ending}" for folder in ("whole", "mapped")]
    for out in outs:
        if out.parent.name == "mapped":
            request.getfixturevalue("anything_is_large")
        propagate_file(PropagateRequest(*map(str, names), str(out), engine=engine))
    whole, mapped = (sitk.ReadImage(str(out)) for out in outs)
    assert np.array_equal(sitk.GetArrayFromImage(whole), sitk.GetArrayFromImage(mapped))
    assert set(np.unique(sitk.GetArrayViewFromImage(mapped))) == {0, 3, 7}
    assert whole.GetDirection() == mapped.GetDirection()
    assert whole.GetOrigin() == mapped.GetOrigin()
    table = [Path(str(out).replace(f".{ending}", ".slices.csv")).read_bytes() for out in outs]
    assert table[0] == table[1]


def test_layers_of_a_large_segmentation_are_read_again_as_they_were(tmp_path, anything_is_large):
    image, masks = grown()
    volume = read_volume(written(tmp_path / "image.nrrd", image), may_map=True)
    layers = [masks.astype(np.uint8), 2 * np.roll(masks, 3, 2).astype(np.uint8)]
    segments = [Segment(1, "One", "a", (1, 0, 0)), Segment(2, "Two", "b", (0, 1, 0), layer=1)]
    write_layers(tmp_path / "out.seg.nrrd", layers, volume, segments)
    found = read_segmentation(tmp_path / "out.seg.nrrd", volume)
    assert [segment.name for segment in found.segments] == ["One", "Two"]
    assert all(map(np.array_equal, found.layers, layers))
    header = (tmp_path / "out.seg.nrrd").read_bytes().partition(b"\n\n")[0]
    assert b"kinds: list domain domain domain" in header
    assert b"Segment1_Extent:=0 43 0 39 0 13" in header


def test_what_is_unpacked_is_named_and_gone_afterwards(tmp_path, anything_is_large, caplog):
    path = written(tmp_path / "image.nii.gz", grown()[0])
    volume = read_volume(path, may_map=True)
    assert str(tmp_path / "cache") in caplog.text
    assert volume.array[5, 5, 5]
    if os.name == "posix":
        assert not list((tmp_path / "cache").iterdir())


def test_a_packed_file_that_is_cut_off_is_refused(tmp_path, anything_is_large):
    path = written(tmp_path / "image.nii.gz", grown()[0])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(Exception, match=r"cannot be unpacked|may be truncated"):
        read_volume(path, may_map=True)
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("intensities", ["range", "zscore", "soft_tissue"])
def test_the_scale_of_intensities_is_found_block_by_block(intensities, monkeypatch, tmp_path):
    frame_grid = pytest.importorskip("SlicePropagationLib.segmenters.cine.frame_grid")
    monkeypatch.setattr("SlicePropagationLib.mapped_slices.BLOCK_BYTES", 4 * 40 * 44 * 3)
    config = frame_grid.FrameGridConfig(intensities=intensities)
    for array in (grown()[0], grown()[0].astype(np.uint16) * 40, grown()[0].astype(np.float32)):
        array.tofile(tmp_path / "voxels")
        mapped = MappedSlices(np.memmap(tmp_path / "voxels", array.dtype, "r", 0, SHAPE))
        scaled = config.scale_of(mapped).of(np.asarray(mapped))
        assert scaled.dtype == np.float32
        assert np.abs(scaled - config.normalise(array)).max() < 1e-5


@pytest.mark.parametrize("axis", ["k", "i"])
def test_a_mapped_volume_is_segmented_as_one_that_is_read(axis, tmp_path, request):
    torch = pytest.importorskip("torch")
    from SlicePropagationLib.networks.checkpoint import save_checkpoint
    from SlicePropagationLib.networks.config import UNetConfig
    from SlicePropagationLib.networks.unet import UNet
    from SlicePropagationLib.pipelines.segment_file import SegmentRequest, segment_file

    torch.manual_seed(0)
    network = UNet(UNetConfig(1, 3, 2, 4))
    config = {"network": asdict(network.config), "frames": {"grid": {"size": 32, "pixel_mm": 0.0}}}
    save_checkpoint(tmp_path / "model.pt", "unet2d", config, network.state_dict())
    image = written(tmp_path / "image.nrrd", grown()[0])
    for name in ("whole", "mapped"):
        if name == "mapped":
            request.getfixturevalue("anything_is_large")
            monkeypatch = request.getfixturevalue("monkeypatch")
            monkeypatch.setattr(sitk, "ReadImage", None)  # nobody reads all of it
        out = str(tmp_path / f"{name}.nrrd")
        segment_file(SegmentRequest(str(image), str(tmp_path / "model.pt"), out, axis=axis))
    monkeypatch.undo()
    whole, mapped = (
        sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"{name}.nrrd")))
        for name in ("whole", "mapped")
    )
    assert np.array_equal(whole, mapped) and len(np.unique(whole)) > 1


# Of the goal for 1024 x 1024 x 2000 voxels, 6 GB, a sixteenth.
MOST_BYTES = 384 * 2**20
MEASURED = """
import sys, threading, time
from SlicePropagationLib.engines.device import choose_engine
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file

def private():
    with open("/proc/self/smaps_rollup") as file:
        sizes = dict(line.split()[:2] for line in file if line.endswith("kB\\n"))
    return 1024 * int(sizes["Anonymous:"])  # pages of files do not count

def watch():
    global most
    while True:
        most = max(most, private())
        time.sleep(0.01)

image, seed, out = sys.argv[1:]
choose_engine("registration")
idle = most = private()
threading.Thread(target=watch, daemon=True).start()
request = PropagateRequest(image, seed, out, engine="registration", span=(498, 502), has_picture=True)
session = propagate_file(request)
print(most - idle, session.areas(1)[502])
"""


def as_ome_zarr(path, source, shape):
    """The voxels at the end of a file, in chunks of 2 MB."""
    zarr = pytest.importorskip("zarr")
    count = 2 * np.prod(shape)
    voxels = np.memmap(source, "<u2", "r", source.stat().st_size - count, shape)
    group = zarr.open_group(str(path), mode="w", zarr_format=3)
    group.create_array("0", data=voxels, chunks=(64, 128, 128))
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    steps = [{"type": "scale", "scale": [1, 1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux counts it there")
@pytest.mark.parametrize("ending", ["nrrd", "ome.zarr"])
def test_a_volume_of_130_mb_takes_a_sixteenth_of_what_one_of_4_gb_may(ending, tmp_path):
    shape = (1000, 256, 256)
    rows, columns = np.mgrid[:256, :256]
    disc = np.hypot(rows - 120, columns - 130) < 40
    one = np.random.default_rng(0).normal(300, 15, shape[1:]) + 200 * disc
    for name, kind, word in (("image", np.uint16, b"ushort"), ("seed", np.uint8, b"uchar")):
        with open(tmp_path / f"{name}.nrrd", "wb") as file:
            file.write(b"NRRD0004\ntype: " + word + b"\ndimension: 3\nsizes: 256 256 1000\n")
            file.write(b"endian: little\nencoding: raw\n\n")
            for index in range(shape[0]):
                drawn = disc if index == 500 else 0 * disc
                file.write((one if name == "image" else drawn).astype(kind).tobytes())
    if ending == "ome.zarr":
        as_ome_zarr(tmp_path / "image.ome.zarr", tmp_path / "image.nrrd", shape)
    paths = [str(tmp_path / name) for name in (f"image.{ending}", "seed.nrrd", f"out.{ending}")]
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "OMP_NUM_THREADS": "1",
        unpacked.FOLDER: str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *paths], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    most, area = map(int, done.stdout.split())
    assert most < MOST_BYTES
    assert most < 131_072_000, "an array of the voxels is in memory"
    assert area > 4000
