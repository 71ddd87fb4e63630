"""NIfTI files are read by their headers, in whatever form they come, and results have the forms of their image."""

import gzip
import struct

import numpy as np
import pytest

nibabel = pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")

from SlicePropagationLib.errors import GeometryMismatchError, InputError
from SlicePropagationLib.files.loaded_check import remarks_on
from SlicePropagationLib.files.nifti import is_nifti
from SlicePropagationLib.files.nifti_header import NiftiHeader
from SlicePropagationLib.files.segmentation_file import Segment, read_labels, write_labels
from SlicePropagationLib.files.sequence import read_sequence, write_sequence
from SlicePropagationLib.files.volume import read_image, read_volume

VOXELS = np.random.default_rng(0).integers(-50, 200, (4, 5, 6)).astype(np.int16)  # I, J, K
SPACING = (1.0, 2.0, 3.0)
FORMS = (
    "qform_code",
    "sform_code",
    "quatern_b",
    "quatern_c",
    "quatern_d",
    "qoffset_x",
    "qoffset_y",
    "qoffset_z",
    "srow_x",
    "srow_y",
    "srow_z",
    "xyzt_units",
)


def form(rotation=None, spacing=SPACING, origin=(5, 6, 7)):
    """A 4 x 4 matrix of a grid."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if rotation is None else rotation) @ np.diag(spacing)
    matrix[:3, 3] = origin
    return matrix


def turned(rng):
    """Any three axes at right angles."""
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return axes


def sheared(amount):
    """A grid whose second axis leans towards the first."""
    matrix = form()
    matrix[0, 1] = amount * SPACING[1]
    return matrix


def content(
    voxels=VOXELS,
    *,
    qform=None,
    qform_code=0,
    sform=None,
    sform_code=0,
    order="<",
    version=1,
    spacing=SPACING,
    **fields,
):
    """The bytes of a file whose header says exactly this."""
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    header = kind(endianness=order)
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_zooms((*spacing, *([1] * (voxels.ndim - 3))))
    header["magic"] = b"n+1" if version == 1 else b"n+2\0\r\n\x1a\n"
    header["vox_offset"] = 352 if version == 1 else 544
    if qform is not None:
        header.set_qform(qform, 1)
    if sform is not None:
        header.set_sform(sform, 1)
    header["qform_code"] = qform_code
    header["sform_code"] = sform_code
    for name, value in fields.items():
        header[name] = value
    data = voxels.astype(voxels.dtype.newbyteorder(order)).tobytes(order="F")
    return header.binaryblock + bytes(4) + data


def straight(**fields):
    """The bytes of a file with equal forms."""
    return content(qform=form(), qform_code=1, sform=form(), sform_code=1, **fields)


@pytest.fixture
def opened(tmp_path):
    """Write bytes as a file and read it."""

    def read(data, name="image.nii"):
        (tmp_path / name).write_bytes(data)
        return read_volume(tmp_path / name)

    return read


def said(volume):
    return " ".join(volume.remarks)


def test_of_two_forms_the_one_counts_that_counts_in_slicer(opened, tmp_path):
    import SimpleITK as sitk

    rng = np.random.default_rng(1)
    for number in range(40):
        spacing = rng.uniform(0.3, 4, 3)
        both = [form(turned(rng), spacing, rng.normal(size=3) * 50) for _ in range(2)]
        codes = {"qform_code": rng.integers(0, 4), "sform_code": rng.integers(0, 4)}
        order = "<>"[number % 2]
        data = content(qform=both[0], sform=both[1], spacing=spacing, order=order, **codes)
        volume = opened(data)
        itk = sitk.ReadImage(str(tmp_path / "image.nii"))
        assert volume.image.GetOrigin() == pytest.approx(itk.GetOrigin(), abs=1e-3)
        assert volume.image.GetDirection() == pytest.approx(itk.GetDirection(), abs=1e-4)
        assert volume.image.GetSpacing() == pytest.approx(itk.GetSpacing(), rel=1e-4)
        assert np.array_equal(volume.array, sitk.GetArrayFromImage(itk))


@pytest.mark.parametrize("name", ["out.nii", "out.nii.gz"])
@pytest.mark.parametrize("version, order", [(1, "<"), (1, ">"), (2, "<"), (2, ">")])
def test_a_result_has_forms_codes_and_sizes_of_its_image_bit_for_bit(
    opened, tmp_path, name, version, order
):
    rng = np.random.default_rng(2)
    forms = {"qform": form(turned(rng)), "sform": form(turned(rng), origin=(1, 2, 3))}
    data = content(**forms, qform_code=1, sform_code=2, version=version, order=order)
    volume = opened(data)
    labels = (volume.array > 100).astype(np.uint8)
    write_labels(tmp_path / name, labels, volume, [Segment.plain(1)])
    image = nibabel.load(tmp_path / "image.nii")
    result = nibabel.load(tmp_path / name)
    assert type(result) is type(image)
    for field in FORMS:
        assert np.array_equal(image.header[field], result.header[field]), field
    assert np.array_equal(image.header["pixdim"][:4], result.header["pixdim"][:4])
    assert np.array_equal(np.asarray(result.dataobj).T, labels)


def test_a_result_does_not_have_what_may_name_a_patient(opened, tmp_path):
    volume = opened(straight(descrip=b"Doe, J.", aux_file=b"doe.txt", db_name=b"doe"))
    write_labels(tmp_path / "out.nii", volume.array > 0, volume, [Segment.plain(1)])
    assert b"oe" not in (tmp_path / "out.nii").read_bytes()[:348]


def test_forms_that_differ_are_remarked_on_with_both_codes(opened):
    sform = form(origin=(15, 6, 7))
    volume = opened(content(qform=form(), qform_code=1, sform=sform, sform_code=2))
    assert "10 mm" in said(volume)
    assert "qform (code 1)" in said(volume)
    assert "sform (code 2)" in said(volume)
    assert "10 mm" in remarks_on([volume.path])[0]


def test_a_rounded_shear_is_read_without_a_word(opened):
    volume = opened(content(sform=sheared(3e-4), sform_code=1))
    assert not volume.remarks
    axes = np.reshape(volume.image.GetDirection(), (3, 3))
    assert np.allclose(axes.T @ axes, np.eye(3), atol=1e-12)


def test_a_small_shear_is_put_right_with_a_remark(opened):
    assert "0.859 degrees" in said(opened(content(sform=sheared(0.015), sform_code=1)))


def test_a_large_shear_is_refused_with_its_size_and_the_limit(opened):
    with pytest.raises(InputError, match=r"16\.7 degrees .*at most 1 .*resample"):
        opened(content(sform=sheared(0.3), sform_code=4))


def test_where_the_sform_is_sheared_a_qform_counts(opened):
    volume = opened(content(qform=form(), qform_code=1, sform=sheared(0.3), sform_code=1))
    assert "the qform, code 1, counts" in said(volume)
    assert volume.image.GetOrigin() == pytest.approx((-5, -6, 7))


@pytest.mark.parametrize(
    "slope, inter, highest",
    [
        (0.5, 0, 0.5),
        (2, 10, 2),
        (1e-4, 0, 1e-4),
        (0, 5, 1),
        (float("nan"), float("nan"), 1),
        (float("inf"), 0, 1),
    ],
)
def test_values_are_scaled_unless_the_slope_is_none(opened, slope, inter, highest):
    volume = opened(straight(scl_slope=slope, scl_inter=inter))
    offset = inter if slope in (0.5, 2, 1e-4) else 0
    assert volume.array.max() == pytest.approx(highest * VOXELS.max() + offset)
    assert bool(volume.remarks) == (not np.isfinite(slope))
    assert bool(remarks_on([volume.path])) == (not np.isfinite(slope))


@pytest.mark.parametrize("name, packs", [("image.nii", True), ("image.nii.gz", False)])
def test_a_file_is_read_as_it_is_packed_and_not_as_it_is_named(opened, name, packs):
    data = gzip.compress(straight()) if packs else straight()
    volume = opened(data, name)
    assert np.array_equal(volume.array, VOXELS.T)
    assert "against its name" in said(volume)


def test_sizes_of_zero_are_taken_from_the_sform(opened):
    data = bytearray(content(sform=form(), sform_code=1))
    struct.pack_into("<3f", data, 80, 0, 0, 0)
    assert opened(bytes(data)).image.GetSpacing() == pytest.approx(SPACING)


def test_sizes_of_zero_that_nothing_replaces_count_as_1_with_a_remark(opened):
    data = bytearray(content(qform=form(), qform_code=1))
    struct.pack_into("<3f", data, 80, 1, 2, 0)
    volume = opened(bytes(data))
    assert volume.image.GetSpacing() == pytest.approx((1, 2, 1))
    assert "1, 2, 0 (pixdim); 1, 2, 1 are taken" in said(volume)


def test_a_number_of_bits_that_is_not_that_of_the_type_is_remarked_on(opened):
    volume = opened(straight(bitpix=8))
    assert np.array_equal(volume.array, VOXELS.T)
    assert "8 bits (bitpix), its type 4 has 16" in said(volume)
    assert "has 16; check the values that are shown." in remarks_on([volume.path])[0]


@pytest.mark.parametrize("packs", [bytes, gzip.compress])
def test_a_type_that_has_fewer_bits_than_the_file_has_room_for_is_refused(opened, packs):
    data = content(VOXELS.astype(np.float32), sform=form(), sform_code=1, datatype=4, bitpix=32)
    with pytest.raises(InputError, match=r"32 bits \(bitpix\), its type 4 has 16"):
        opened(packs(data))


def test_a_type_for_which_there_are_too_few_bytes_is_refused_with_both_numbers(opened):
    with pytest.raises(InputError, match=r"592 bytes .* promises 1312.* 64 bits, and it says 16"):
        opened(straight(datatype=64))


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), -5, 1e30])
def test_voxels_that_begin_nowhere_are_refused(opened, offset):
    with pytest.raises(InputError, match="begin at byte"):
        opened(straight(vox_offset=offset))


@pytest.mark.parametrize("offset", [0, 352])
def test_voxels_behind_the_header_are_found(opened, offset):
    assert np.array_equal(opened(straight(vox_offset=offset)).array, VOXELS.T)


def test_a_form_that_is_no_number_does_not_count(opened):
    broken = form()
    broken[0, 3] = np.nan
    data = content(qform=form(), qform_code=1, sform=broken, sform_code=1)
    assert "sform that is no grid" in said(opened(data))
    with pytest.raises(InputError, match="nan.*Nothing else says where"):
        opened(content(sform=broken, sform_code=1))


def test_a_file_without_forms_is_remarked_on(opened):
    assert "does not say where" in said(opened(content()))


@pytest.mark.parametrize("unit, factor", [(1, 1000), (2, 1), (3, 0.001)])
def test_the_unit_of_length_counts(opened, unit, factor):
    volume = opened(straight(xyzt_units=unit))
    assert volume.image.GetSpacing() == pytest.approx([factor * size for size in SPACING])


@pytest.mark.parametrize(
    "dim",
    [[3, 4, 0, 6], [3, 4, -5, 6], [9, 4, 5, 6], [0, 4, 5, 6], [2, 20, 6], [3, 30000, 30000, 30000]],
)
def test_sizes_that_cannot_be_are_refused(opened, dim):
    with pytest.raises(InputError):
        opened(straight(dim=dim + [1] * (8 - len(dim))))


def test_a_small_packed_file_that_promises_much_takes_no_memory(opened):
    with pytest.raises(InputError, match="at most .* promises 54000000000352"):
        opened(gzip.compress(straight(dim=[3, 30000, 30000, 30000, 1, 1, 1, 1])), "image.nii.gz")


def test_what_follows_the_voxels_is_not_unpacked(opened):
    data = gzip.compress(straight() + bytes(10**6))
    assert np.array_equal(opened(data, "image.nii.gz").array, VOXELS.T)


def test_a_packed_file_with_a_wrong_checksum_is_refused(opened):
    data = bytearray(gzip.compress(straight()))
    data[-8] ^= 1
    with pytest.raises(InputError, match="cannot be read"):
        opened(bytes(data), "image.nii.gz")


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_type_of_numbers_is_read(opened, kind):
    voxels = VOXELS.clip(0, 100).astype(kind)
    assert np.array_equal(opened(straight(voxels=voxels)).array, voxels.T)


def test_nan_counts_as_the_smallest_value_of_an_image_and_as_no_label(opened, tmp_path):
    voxels = VOXELS.astype(np.float32)
    voxels[0, 0, 0] = np.nan
    volume = opened(straight(voxels=voxels))
    assert volume.array[0, 0, 0] == VOXELS.ravel()[1:].min()
    labels = read_image(tmp_path / "image.nii")
    assert labels[0, 0, 0] == 0


def test_frames_have_the_forms_of_their_sequence(tmp_path):
    voxels = np.random.default_rng(3).integers(0, 99, (4, 5, 3, 2)).astype(np.int16)
    qform = form(turned(np.random.default_rng(4)))
    (tmp_path / "cine.nii").write_bytes(content(voxels, qform=qform, qform_code=3))
    sequence = read_sequence(tmp_path / "cine.nii")
    write_sequence(tmp_path / "out.nii.gz", (sequence.array > 50).astype(np.uint8), sequence)
    result = nibabel.load(tmp_path / "out.nii.gz")
    assert result.shape == (4, 5, 3, 2)
    assert int(result.header["qform_code"]) == 3
    assert np.allclose(result.get_qform(), qform, atol=1e-5)


def test_a_header_kept_as_text_is_the_same(opened):
    header = opened(straight()).nifti
    assert NiftiHeader.from_text(header.to_text()).fields == header.fields


def test_the_names_of_nifti_files():
    assert is_nifti("A.NII.GZ")
    assert not is_nifti("a.nrrd")


@pytest.mark.parametrize("names", [["sform"], ["qform"]])
def test_labels_that_have_one_form_of_the_image_are_on_its_voxels(opened, tmp_path, names, caplog):
    forms = {"sform": form(turned(np.random.default_rng(1))), "qform": form()}
    codes = {"sform_code": 2, "qform_code": 1}
    volume = opened(content(**forms, **codes))
    own = {name: forms[name] for name in names} | {f"{name}_code": 2 for name in names}
    labels = (VOXELS > 100).astype(np.uint8)
    (tmp_path / "labels.nii").write_bytes(content(labels, **own))
    found, _ = read_labels(tmp_path / "labels.nii", volume)
    assert np.array_equal(found, labels.T)
    assert ("forms" in caplog.text.split("labels.nii")[-1]) == (names == ["sform"])


def test_labels_that_have_no_form_of_the_image_are_on_another_grid(opened, tmp_path):
    forms = {"sform": form(turned(np.random.default_rng(1))), "qform": form()}
    volume = opened(content(**forms, sform_code=2, qform_code=1))
    elsewhere = form(turned(np.random.default_rng(2)))
    labels = content((VOXELS > 100).astype(np.uint8), sform=elsewhere, sform_code=2)
    (tmp_path / "labels.nii").write_bytes(labels)
    with pytest.raises(GeometryMismatchError):
        read_labels(tmp_path / "labels.nii", volume)
