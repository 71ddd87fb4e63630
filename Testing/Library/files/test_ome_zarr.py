"""OME-Zarr images are read where they lie, chunk by chunk; labels are written as OME-Zarr."""

import http.server
import json
import threading

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.errors import ConfigError, InputError, OutputError
from SlicePropagationLib.files import mapped_file, ome_zarr, ome_zarr_labels, unpacked
from SlicePropagationLib.files.ome_zarr import is_ome_zarr
from SlicePropagationLib.files.ome_zarr_labels import write_ome_zarr
from SlicePropagationLib.files.reading import ReadingProgress, ReadingStopped
from SlicePropagationLib.files.record import check_whole
from SlicePropagationLib.files.segmentation_file import read_segmentation
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import read_image, read_volume
from SlicePropagationLib.lazy_voxels import LazyVoxels
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest, propagate_file

zarr = pytest.importorskip("zarr")
SHAPE = (24, 40, 44)
STRAIGHT = np.eye(3)
SPACE = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]


def grown(shape=SHAPE):
    """A disc that moves a little from slice to slice, and its masks."""
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    image = np.random.default_rng(0).normal(0, 6, shape) + 1000
    masks = np.zeros(shape, bool)
    for index in range(2, shape[0] - 2):
        masks[index] = np.hypot(rows - 14 - index / 3, columns - 20) < 9
    image[masks] += 90
    return image.round().astype(np.uint16), masks


def written(path, array, version="0.4", axes=SPACE, **entries):
    """An image as other programs write it: sizes 2.5, 0.9, 0.8 mm, first voxel at 3, 11, -7 mm."""
    count = array.ndim - 3
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version < "0.5" else 3)
    keys = {"name": "v2" if version < "0.5" else "default", "separator": "/"}
    chunks = (1,) * count + (8, 16, 44)
    group.create_array("0", data=array, chunks=chunks, chunk_key_encoding=keys)
    transformations = [
        {"type": "scale", "scale": [1] * count + [2500, 900, 800]},
        {"type": "translation", "translation": [0] * count + [3000, 11000, -7000]},
    ]
    datasets = [{"path": "0", "coordinateTransformations": transformations}]
    metadata = {"multiscales": [{"version": version, "axes": axes, "datasets": datasets}]}
    metadata |= entries
    group.attrs.update(metadata if version < "0.5" else {"ome": {"version": version, **metadata}})
    return path


@pytest.fixture
def anything_is_large(monkeypatch, tmp_path):
    monkeypatch.setattr(mapped_file, "MAPPED_BYTES", 0)
    monkeypatch.setenv(unpacked.FOLDER, str(tmp_path / "cache"))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_voxels_sizes_and_place_are_read_in_mm(version, tmp_path):
    array, _ = grown()
    volume = read_volume(written(tmp_path / "image.ome.zarr", array, version))
    assert np.array_equal(volume.array, array) and volume.array.dtype == array.dtype
    assert volume.spacing_mm == pytest.approx((2.5, 0.9, 0.8))
    assert volume.image.GetOrigin() == pytest.approx((-7, 11, 3))
    assert np.array_equal(volume.directions, np.eye(3))


def test_a_folder_that_is_named_otherwise_is_known_by_what_lies_in_it(tmp_path):
    array, _ = grown()
    for version in ("0.4", "0.5"):
        path = written(tmp_path / f"image{version}", array, version)
        assert np.array_equal(read_volume(path).array, array)


def test_a_group_in_an_image_is_one_and_a_file_beside_groups_is_none(tmp_path):
    array, _ = grown()
    written(tmp_path / "image.ome.zarr" / "labels" / "liver", array)
    assert np.array_equal(read_volume(tmp_path / "image.ome.zarr/labels/liver").array, array)
    assert not is_ome_zarr(tmp_path / "results.zarr" / "out.nii.gz")
    assert is_ome_zarr("https://host/image.ome.zarr/") and is_ome_zarr("s3://host/a.zarr/0")
    assert not is_ome_zarr("https://host/image.nii.gz")


def test_axes_count_as_their_orientation_says(tmp_path):
    stated = ("superior-to-inferior", "left-to-right", "anterior-to-posterior")
    axes = [
        {**axis, "orientation": {"type": "anatomical", "value": value}}
        for axis, value in zip(SPACE, stated, strict=True)
    ]
    volume = read_volume(written(tmp_path / "image.ome.zarr", grown()[0], "0.5", axes))
    # x to the back, y to the right, z downwards
    assert np.array_equal(volume.directions, [[0, -1, 0], [1, 0, 0], [0, 0, -1]])
    assert volume.image.GetOrigin() == pytest.approx((-7, 11, 3))


def test_axes_in_another_order_become_slices_rows_and_columns(tmp_path, anything_is_large):
    array, _ = grown()
    path = tmp_path / "image.ome.zarr"
    written(path, array.transpose(2, 1, 0), axes=SPACE[::-1])
    for may_map in (False, True):
        volume = read_volume(path, may_map=may_map)
        assert np.array_equal(np.asarray(volume.array), array)
        assert volume.spacing_mm == pytest.approx((0.8, 0.9, 2.5))


def test_a_time_and_a_channel_are_chosen(tmp_path):
    array = np.stack([grown()[0] + 10 * number for number in range(6)]).reshape(2, 3, *SHAPE)
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *SPACE]
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}, {}]}
    path = written(tmp_path / "image.ome.zarr", array, axes=axes, omero=omero)
    assert np.array_equal(read_volume(path, 1, "GFP").array, array[1, 1])
    assert np.array_equal(read_volume(path, 0, "3").array, array[0, 2])
    with pytest.raises(InputError, match="2 times.*--frame 0 to 1"):
        read_volume(path, series="1")
    with pytest.raises(InputError, match="1 DAPI, 2 GFP, 3, a volume has one; .*--series"):
        read_volume(path, 0)
    with pytest.raises(InputError, match="RFP was asked for"):
        read_volume(path, 0, "RFP")


def test_an_axis_of_one_time_and_one_channel_needs_no_choice(tmp_path):
    array, _ = grown()
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *SPACE]
    path = written(tmp_path / "image.ome.zarr", array[None, None], axes=axes)
    assert np.array_equal(read_volume(path).array, array)
    with pytest.raises(InputError, match="one frame, 0, and frame 2"):
        read_volume(path, 2)


def flat(path):
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("0", data=grown()[0][3])
    scale = [{"type": "scale", "scale": [1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": SPACE[1:], "datasets": datasets}]


def bare(path):
    zarr.open_group(str(path), mode="w", zarr_format=2).create_array("0", data=grown()[0])


def plate(path):
    zarr.open_group(str(path), mode="w", zarr_format=2).attrs["plate"] = {"wells": []}


def several(path):
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3


def in_parsec(path):
    written(path, grown()[0], axes=[{**axis, "unit": "parsec"} for axis in SPACE])


def cut_off(path):
    written(path, grown()[0])
    chunk = path / "0/1/0/0"
    chunk.write_bytes(chunk.read_bytes()[:40])


def without_scale(path):
    written(path, grown()[0])
    text = (path / ".zattrs").read_text(encoding="utf-8")
    (path / ".zattrs").write_text(text.replace('"scale"', '"shear"'), encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (flat, "2 axes of space .size 40x44., a volume needs 3"),
        (bare, "without `multiscales`"),
        (plate, "is a plate .* A/1/0"),
        (several, "name one of them: .*image.ome.zarr/0"),
        (in_parsec, "unit 'parsec'"),
        (cut_off, "voxels of .* cannot be read"),
        (without_scale, "a transformation of the kind shear"),
        (lambda path: written(path, grown()[0], "0.3"), "version 0.3, and 0.4 and 0.5 are read"),
        (lambda path: None, "no OME-Zarr image at .*check the name"),
    ],
)
def test_what_is_no_volume_is_refused_with_what_to_do(make, said, tmp_path):
    make(tmp_path / "image.ome.zarr")
    with pytest.raises(InputError, match=said):
        read_volume(tmp_path / "image.ome.zarr")


@pytest.mark.parametrize(
    "place, value",
    [
        (("shape",), float("nan")),
        (("chunk_grid",), "none"),
        (("chunk_grid", "configuration", "chunk_shape"), [8, 16, "44"]),
        (("codecs",), ["unheard of"]),
        (("chunk_key_encoding", "configuration", "separator"), 0),
        (("data_type",), {"a": 1}),
    ],
)
def test_damaged_metadata_of_voxels_are_refused_in_words(place, value, tmp_path):
    path = written(tmp_path / "image.ome.zarr", grown()[0], "0.5")
    metadata = json.loads((path / "0" / "zarr.json").read_text(encoding="utf-8"))
    part = metadata
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = value
    (path / "0" / "zarr.json").write_text(json.dumps(metadata), encoding="utf-8")
    with pytest.raises(InputError, match="image.ome.zarr"):
        read_volume(path)


def test_metadata_that_are_no_text_are_refused_in_words(tmp_path):
    path = written(tmp_path / "image.ome.zarr", grown()[0], "0.5")
    text = (path / "0" / "zarr.json").read_bytes()
    (path / "0" / "zarr.json").write_bytes(text.replace(b"uint16", b"uint\xdd6"))
    with pytest.raises(InputError, match="copy the image again"):
        read_volume(path)


def test_a_missing_unit_is_said(tmp_path, caplog):
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    volume = read_volume(written(tmp_path / "image.ome.zarr", grown()[0], axes=axes))
    assert volume.spacing_mm == (2500, 900, 800)
    assert "states no unit of length for its axis z; it counts as mm" in caplog.text


def test_without_the_packages_the_extra_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "image.ome.zarr", grown()[0])
    monkeypatch.setattr(ome_zarr, "NEEDED", ("zarr", "no_such_package"))
    with pytest.raises(ConfigError, match=r"no_such_package.*slice-propagation\[zarr\]"):
        read_volume(path)


@pytest.fixture
def served(tmp_path):
    """A server of a folder: (its address, the paths that were asked for)."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments):
            if self.command == "GET":
                asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def slabs_of(asked):
    """The first number of each chunk that was asked for."""
    chunks = [path.partition(".ome.zarr/0/")[2] for path in asked if path[-1].isdecimal()]
    return sorted(chunk.split("/")[0] for chunk in chunks)


def seed_of(masks, path, index):
    seed = np.zeros(masks.shape, np.uint8)
    seed[index] = masks[index]
    image = sitk.GetImageFromArray(seed)
    image.SetSpacing((0.8, 0.9, 2.5))
    image.SetOrigin((-7.0, 11.0, 3.0))
    sitk.WriteImage(image, str(path))
    return str(path)


def test_of_an_image_on_a_server_only_chunks_that_are_looked_at_are_fetched(
    served, tmp_path, anything_is_large
):
    address, asked = served
    array, masks = grown((80, *SHAPE[1:]))
    written(tmp_path / "image.ome.zarr", array)
    seed = seed_of(masks, tmp_path / "seed.nrrd", 10)
    volume = read_volume(f"{address}/image.ome.zarr", may_map=True)
    assert isinstance(volume.array, LazyVoxels)
    assert slabs_of(asked) == ["5", "5", "5"]  # the middle slice shows two values
    asked.clear()
    results = []
    for image in (f"{address}/image.ome.zarr", tmp_path / "image.ome.zarr"):
        out = tmp_path / f"{len(results)}.nrrd"
        request = PropagateRequest(image, seed, out, engine="registration", span=(9, 12))
        propagate_file(request)
        results.append(sitk.GetArrayFromImage(sitk.ReadImage(str(out))))
    assert np.array_equal(*results) and results[0][12].any()
    # slices 9 to 12, and five of the whole stack that tell whether there is padding
    assert slabs_of(asked) == sorted(3 * ["0", "2", "5", "7", "9"] + 3 * ["1"])
    record = json.loads((tmp_path / "0.json").read_text(encoding="utf-8"))
    assert record["image"] == f"{address}/image.ome.zarr"


def test_chunks_are_fetched_once_and_those_that_nobody_looks_at_never(tmp_path, anything_is_large):
    array, _ = grown()
    volume = read_volume(written(tmp_path / "image.ome.zarr", array), may_map=True)
    asked = []
    read = ome_zarr.ZarrImage.read
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ome_zarr.ZarrImage, "read", lambda *a: asked.append(a[1]) or read(*a))
        for _ in range(3):
            assert np.array_equal(volume.array[3], array[3])
            assert np.array_equal(volume.array.transpose((2, 0, 1))[5, 2:4], array[2:4, :, 5])
    assert len(asked) == 3  # of slices 0 to 7, a row of chunks at a time
    assert all(box[0] == slice(0, 8) for box in asked)


def labelled(tmp_path, direction=STRAIGHT):
    array, masks = grown()
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.8, 0.9, 2.5))
    image.SetOrigin((-7.0, 11.0, 3.0))
    image.SetDirection(np.ravel(direction).tolist())
    sitk.WriteImage(image, str(tmp_path / "image.nrrd"))
    labels = masks.astype(np.uint8) * 3
    labels[4, 2:6, 30:38] = 7
    segments = [Segment(3, "Liver", "a", (1, 0, 0)), Segment(7, "Kidney: left|", "b", (0, 1, 0))]
    return read_volume(tmp_path / "image.nrrd"), labels, segments


OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.2, 0.1, -0.3).GetMatrix()


@pytest.mark.parametrize("direction", [STRAIGHT, STRAIGHT[[1, 0, 2]] * [1, -1, -1], OBLIQUE])
def test_labels_are_read_again_with_their_names_and_where_they_lay(direction, tmp_path):
    volume, labels, segments = labelled(tmp_path, direction)
    path = tmp_path / "out.ome.zarr"
    tags = {3: {"Key": "value"}}
    write_ome_zarr(path, labels, np.dtype(np.uint8), volume.image, segments, tags)
    found = read_segmentation(path, volume)
    assert np.array_equal(found.labels, labels)
    assert [(each.label, each.name, each.id) for each in found.segments] == [
        (3, "Liver", "a"),
        (7, "Kidney: left|", "b"),
    ]
    assert found.segments[0].color == (1, 0, 0) and "Key:value" in found.segments[0].tags
    image = read_image(path)
    assert np.allclose(image.GetDirection(), volume.image.GetDirection(), atol=1e-12)
    assert np.allclose(image.GetOrigin(), volume.image.GetOrigin(), atol=1e-12)


def test_large_labels_are_read_again_chunk_by_chunk(tmp_path, anything_is_large):
    volume, labels, segments = labelled(tmp_path)
    path = tmp_path / "out.ome.zarr"
    write_ome_zarr(path, labels, np.dtype(np.uint16), volume.image, segments, {})
    mapped = read_volume(tmp_path / "image.nrrd", may_map=True)
    found = read_segmentation(path, mapped)
    assert np.array_equal(found.labels, labels) and found.is_described


def test_coarser_levels_have_every_second_voxel_and_thick_slices_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(ome_zarr_labels, "SMALL", 12)
    monkeypatch.setattr(ome_zarr_labels, "CHUNK", (8, 16, 16))
    volume, labels, segments = labelled(tmp_path)
    path = tmp_path / "out.ome.zarr"
    write_ome_zarr(path, labels, np.dtype(np.uint8), volume.image, segments, {})
    group = zarr.open_group(str(path), mode="r")
    assert np.array_equal(group["1"][:], labels[:, ::2, ::2])
    assert np.array_equal(group["2"][:], labels[::2, ::4, ::4])
    levels = group.attrs["ome"]["multiscales"][0]["datasets"]
    scales = [level["coordinateTransformations"][0]["scale"] for level in levels[:3]]
    assert np.allclose(scales, [[2.5, 0.9, 0.8], [2.5, 1.8, 1.6], [5, 3.6, 3.2]])


def test_labels_are_as_the_specification_has_them(tmp_path):
    models = pytest.importorskip("ome_zarr_models.v05")
    volume, labels, segments = labelled(tmp_path)
    path = tmp_path / "out.ome.zarr"
    write_ome_zarr(path, labels, np.dtype(np.uint8), volume.image, segments, {})
    found = models.ImageLabel.from_zarr(zarr.open_group(str(path), mode="r")).ome_attributes
    colors = {each.label_value: each.rgba for each in found.image_label.colors}
    assert colors == {3: (255, 0, 0, 255), 7: (0, 255, 0, 255)}
    assert [axis.unit for axis in found.multiscales[0].axes] == ["millimeter"] * 3


def test_a_result_is_written_replaced_and_gone_on_with_as_ome_zarr(tmp_path):
    array, masks = grown()
    image = written(tmp_path / "image.ome.zarr", array)
    seed = seed_of(masks, tmp_path / "seed.nrrd", 10)
    out, plain = tmp_path / "out.ome.zarr", tmp_path / "plain.nrrd"
    for path in (out, out, plain):
        propagate_file(PropagateRequest(image, seed, path, engine="registration"))
    volume = read_volume(image)
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(plain)))
    assert np.array_equal(read_segmentation(out, volume).labels, labels)
    assert labels[14].any() and not list(tmp_path.glob(".partial-*"))
    check_whole(out)
    table = tmp_path / "out.slices.csv"
    assert table.read_bytes() == (tmp_path / "plain.slices.csv").read_bytes()
    again = PropagateRequest(
        image, out, tmp_path / "again.nrrd", anchors=table, engine="registration"
    )
    assert propagate_file(again).anchors(1) == [10]
    next(each for each in (out / "0/c").rglob("*") if each.is_file()).write_bytes(b"")
    with pytest.raises(InputError, match="is not the file that out.json"):
        check_whole(out)


def test_a_folder_that_is_no_result_is_never_replaced(tmp_path):
    array, masks = grown()
    image = written(tmp_path / "image.ome.zarr", array)
    written(tmp_path / "other.ome.zarr", array)
    seed = seed_of(masks, tmp_path / "seed.nrrd", 10)
    with pytest.raises(OutputError, match="no result with a record beside it"):
        propagate_file(PropagateRequest(image, seed, tmp_path / "other.ome.zarr", engine="copy"))
    with pytest.raises(InputError, match="is the image itself"):
        propagate_file(PropagateRequest(image, seed, image, engine="copy"))
    assert np.array_equal(read_volume(tmp_path / "other.ome.zarr").array, array)


def test_chunks_are_fetched_only_for_as_long_as_somebody_waits(
    tmp_path, monkeypatch, anything_is_large
):
    path = written(tmp_path / "image.ome.zarr", grown()[0])
    volume = read_volume(path, may_map=True)
    progress = ReadingProgress()
    boxes = []
    own = ome_zarr.ZarrImage.read

    def read(image, box=None):
        boxes.append(box)
        progress.stop()
        return own(image, box)

    monkeypatch.setattr(ome_zarr.ZarrImage, "read", read)
    with pytest.raises(ReadingStopped):
        progress.follow(volume.array.whole)
    assert len(boxes) == 1
    assert np.array_equal(volume.array.whole(), grown()[0]), "it can be gone on with"
