"""FreeSurfer's images and stacks of pictures are read; what is neither is refused with what to do."""

import gzip

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import ConfigError, InputError
from SlicePropagationLib.files.segmentation_file import Segment, write_labels
from SlicePropagationLib.files.table import parse_spacing
from SlicePropagationLib.files.volume import read_volume

PICTURES = np.random.default_rng(0).integers(0, 200, (12, 16, 20)).astype(np.uint8)


def write_pictures(folder, pictures=PICTURES, ending="png"):
    """slice1, slice2, ... slice12, whose order by name is another."""
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(pictures, 1):
        image = sitk.GetImageFromArray(np.ascontiguousarray(picture), isVector=picture.ndim == 3)
        sitk.WriteImage(image, str(folder / f"slice{number}.{ending}"))
    return folder


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_pictures_are_slices_in_the_order_of_their_numbers(tmp_path, ending):
    volume = read_volume(write_pictures(tmp_path, ending=ending), spacing_mm=(0.5, 0.6, 2))
    assert np.array_equal(volume.array, PICTURES)
    assert volume.image.GetSpacing() == pytest.approx((0.5, 0.6, 2))


def test_pages_of_a_tiff_file_are_slices(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(PICTURES), str(tmp_path / "stack.tif"))
    volume = read_volume(tmp_path / "stack.tif", spacing_mm=(1, 1, 3))
    assert np.array_equal(volume.array, PICTURES)


def test_pictures_without_a_spacing_are_refused_with_the_option(tmp_path, capsys):
    folder = write_pictures(tmp_path / "pictures")
    words = ["--seed", "s.nrrd", "--out", str(tmp_path / "o.nrrd"), "--engine", "copy"]
    assert main(["propagate", "--image", str(folder), *words]) == 2
    assert "--spacing 0.5,0.5,2" in capsys.readouterr().err


def test_grey_pictures_that_are_stored_as_colours_are_read(tmp_path):
    grey = np.repeat(PICTURES[..., None], 3, axis=-1)
    volume = read_volume(write_pictures(tmp_path, grey), spacing_mm=(1, 1, 1))
    assert np.array_equal(volume.array, PICTURES)
    assert any("stored as colours" in remark for remark in volume.remarks)


def test_colours_and_unequal_sizes_are_refused(tmp_path):
    colours = np.stack([PICTURES, PICTURES, 255 - PICTURES], axis=-1)
    with pytest.raises(InputError, match="3 values per pixel"):
        read_volume(write_pictures(tmp_path / "colours", colours), spacing_mm=(1, 1, 1))
    folder = write_pictures(tmp_path / "sizes")
    sitk.WriteImage(sitk.GetImageFromArray(PICTURES[0, :8]), str(folder / "slice13.png"))
    with pytest.raises(InputError, match="20x8 and 20x16"):
        read_volume(folder, spacing_mm=(1, 1, 1))


def test_a_picture_that_lacks_is_remarked_on(tmp_path):
    folder = write_pictures(tmp_path)
    (folder / "slice5.png").unlink()
    volume = read_volume(folder, spacing_mm=(1, 1, 1))
    assert any("between slice4.png and slice6.png" in remark for remark in volume.remarks)


def named(folder, names):
    """Pictures with these names."""
    folder.mkdir(exist_ok=True)
    for name, picture in zip(names, PICTURES, strict=False):
        sitk.WriteImage(sitk.GetImageFromArray(picture), str(folder / name))
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ["A1.png", "A2.png", "B1.png", "B2.png"],
        ["a1.png", "a2.png", "a1.tif", "a2.tif"],
        ["z1_c1.png", "z1_c2.png", "z2_c1.png", "z2_c2.png"],
    ],
)
def test_pictures_of_several_stacks_are_refused(tmp_path, names):
    with pytest.raises(InputError, match="folder of their own"):
        read_volume(named(tmp_path, names), spacing_mm=(1, 1, 1))


@pytest.mark.parametrize(
    "names",
    [
        ["scan2_9_of_10.png", "scan2_10_of_10.png"],
        ["z0.5.png", "z1.0.png", "z1.5.png"],
        ["one.png", "two.png"],
        ["9 (3).png", "10 (4).png"],
    ],
)
def test_pictures_whose_names_count_once_are_a_stack(tmp_path, names):
    volume = read_volume(named(tmp_path, names), spacing_mm=(1, 1, 1))
    assert np.array_equal(volume.array, PICTURES[: len(names)])


def test_a_gap_is_found_whatever_number_counts(tmp_path):
    names = [f"a{number}_of_9.png" for number in (1, 2, 3, 5, 6)]
    volume = read_volume(named(tmp_path, names), spacing_mm=(1, 1, 1))
    assert any("between a3_of_9.png and a5_of_9.png" in remark for remark in volume.remarks)


def test_a_picture_that_is_cut_off_is_refused(tmp_path):
    path = write_pictures(tmp_path) / "slice4.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"slice4\.png is cut off"):
        read_volume(tmp_path, spacing_mm=(1, 1, 1))


def test_pictures_of_8_and_of_16_bits_are_no_stack(tmp_path):
    write_pictures(tmp_path)
    wide = sitk.GetImageFromArray(PICTURES[3].astype(np.uint16))
    sitk.WriteImage(wide, str(tmp_path / "slice4.png"))
    with pytest.raises(InputError, match="uint16 and uint8"):
        read_volume(tmp_path, spacing_mm=(1, 1, 1))


@pytest.mark.parametrize("text", ["1,1", "a,b,c", "0,1,1", "1,1,nan", "inf,1,1"])
def test_what_is_no_spacing_is_refused(text):
    with pytest.raises(ConfigError, match="no spacing"):
        parse_spacing(text)


AXES = np.array([[-1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # coronal slices, as FreeSurfer writes


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4"])
@pytest.mark.parametrize("name", ["brain.mgz", "brain.mgh"])
def test_freesurfers_images_are_read_where_they_lie(tmp_path, kind, name):
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
    affine = np.eye(4)
    affine[:3, :3] = AXES @ np.diag([1, 1.5, 2])
    affine[:3, 3] = (30, -20, 10)
    voxels = PICTURES.T.astype(kind)
    nibabel.save(nibabel.MGHImage(voxels, affine), tmp_path / name)
    volume = read_volume(tmp_path / name)
    assert np.array_equal(volume.array, PICTURES)
    for index in ((0, 0, 0), (19, 15, 11)):
        place = affine[:3, :3] @ index + affine[:3, 3]
        found = volume.image.TransformIndexToPhysicalPoint(index)
        assert found == pytest.approx(place * [-1, -1, 1], abs=1e-4)
    write_labels(tmp_path / "out.nii.gz", PICTURES > 100, volume, [Segment.plain(1)])
    assert np.allclose(nibabel.load(tmp_path / "out.nii.gz").affine, affine, atol=1e-4)


def test_damaged_images_of_freesurfer_are_refused(tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
    path = tmp_path / "brain.mgz"
    nibabel.save(nibabel.MGHImage(PICTURES.T, np.eye(4)), path)
    whole = gzip.decompress(path.read_bytes())
    for damaged in (
        whole[:100],
        whole[:2000],
        b"\xff" * 400,
        whole[:20] + b"\0\0\0\x09" + whole[24:],
    ):
        path.write_bytes(gzip.compress(damaged))
        with pytest.raises(InputError):
            read_volume(path)


def test_a_folder_of_nothing_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match="no DICOM series"):
        read_volume(tmp_path)


def leaning(folder, name, degrees):
    """An image whose second axis leans towards the first."""
    image = sitk.GetImageFromArray(PICTURES)
    image.SetSpacing((1.0, 2.0, 3.0))
    angle = np.radians(degrees)
    image.SetDirection([1, np.sin(angle), 0, 0, np.cos(angle), 0, 0, 0, 1])
    sitk.WriteImage(image, str(folder / name))
    return folder / name


@pytest.mark.parametrize("name", ["image.nrrd", "image.mha"])
def test_axes_that_lean_a_little_stay_so_with_a_remark(tmp_path, name):
    path = leaning(tmp_path, name, 0.5)
    volume = read_volume(path)
    assert np.allclose(volume.image.GetDirection(), sitk.ReadImage(str(path)).GetDirection())
    assert "0.5 degrees off a right angle" in volume.remarks[0]


@pytest.mark.parametrize("name", ["image.nrrd", "image.mha"])
def test_axes_that_lean_much_are_refused_with_both_values(tmp_path, name):
    with pytest.raises(InputError, match=r"5 degrees off a right angle, at most 1 is read"):
        read_volume(leaning(tmp_path, name, 5))


def test_a_size_of_voxels_that_is_no_number_is_refused(tmp_path):
    header = (
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 NaN\nencoding: raw\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header + bytes(range(8)))
    with pytest.raises(InputError, match="1 1 NaN"):
        read_volume(tmp_path / "a.nrrd")


def meta_image(folder, **fields):
    """A MetaImage file with some fields other than usual."""
    usual = {
        "NDims": "3",
        "BinaryData": "True",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "1 1 1",
        "DimSize": "2 2 2",
        "ElementType": "MET_UCHAR",
    }
    lines = [f"{name} = {value}" for name, value in {**usual, **fields}.items()]
    path = folder / "a.mha"
    path.write_bytes("\n".join([*lines, "ElementDataFile = LOCAL\n"]).encode() + bytes(range(8)))
    return path


@pytest.mark.parametrize(
    "fields, said",
    [
        # SimpleITK computes for ever with it
        ({"TransformMatrix": "1 0 0 1e+308 1 0 0 0 1"}, r"'1e\+308', where 1e\+15 is the most"),
        ({"TransformMatrix": "1 0 0 0 nan 0 0 0 1"}, "'nan', which is no place"),
        ({"Offset": "0 inf 0"}, "'inf', which is no place"),
        ({"TransformMatrix": "2 0 0 0 1 0 0 0 1"}, "the lengths 2, 1, 1, where directions have 1"),
    ],
)
def test_axes_that_lead_nowhere_are_refused(tmp_path, fields, said):
    with pytest.raises(InputError, match=said):
        read_volume(meta_image(tmp_path, **fields))


def test_an_origin_that_is_no_number_is_refused(tmp_path):
    header = (
        b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspace: left-posterior-superior\n"
        b"space directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,NaN,0)\nencoding: raw\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header + bytes(range(8)))
    with pytest.raises(InputError, match="'NaN', which is no place"):
        read_volume(tmp_path / "a.nrrd")
