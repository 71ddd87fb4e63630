"""What counts of an upload is its size once it is unpacked."""

import gzip
import io
import struct
import zlib

import pytest
from SlicePropagationWeb.upload_size import check_unpacked_size, unpacked_bytes

from SlicePropagationLib.errors import InputError

MIB = 1024**2
MUCH = 1000 * MIB


def nifti_header(counts, bits=16, order="<", version=1):
    """The header of a NIfTI file that says it has so many voxels of so many bits."""
    if version == 1:
        header = bytearray(352)
        struct.pack_into(f"{order}i", header, 0, 348)
        struct.pack_into(f"{order}8h", header, 40, len(counts), *counts, *(7 - len(counts)) * [1])
        struct.pack_into(f"{order}h", header, 72, bits)
        return bytes(header)
    header = bytearray(544)
    struct.pack_into(f"{order}i", header, 0, 540)
    struct.pack_into(f"{order}h", header, 14, bits)
    struct.pack_into(f"{order}8q", header, 16, len(counts), *counts, *(7 - len(counts)) * [1])
    return bytes(header)


def deflated_dicom(content):
    """The start of a DICOM file of which all behind the first group is packed."""
    uid = b"1.2.840.10008.1.2.1.99"
    syntax = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    length = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(syntax))
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return bytes(128) + b"DICM" + length + syntax + packer.compress(content) + packer.flush()


def compressed_dicom(side):
    """The header of a DICOM file whose pixels are packed with JPEG 2000."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import JPEG2000, CTImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = JPEG2000
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.Rows = dataset.Columns = side
    dataset.BitsAllocated = 16
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "2.25.1"
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


LONG = b"NRRD0004\n" + 2000 * b"# a remark that makes the header longer\n"
NRRD = b"NRRD0004\ntype: %s\ndimension: 3\nsizes: %s\nencoding: gzip\n\n"
MHA = b"ObjectType = Image\nNDims = 3\nDimSize = %s\nElementType = MET_SHORT\nElementDataFile = LOCAL\n"
HUGE = {
    "one.nii": nifti_header([2000, 2000, 2000]),
    "big-endian.nii": nifti_header([2000, 2000, 2000], order=">"),
    "two.nii": nifti_header([2000, 2000, 2000], version=2),
    "overflow.nii": nifti_header([2**40, 2**40], version=2),
    "many-bits.nii": nifti_header([100, 100, 100], bits=32000),
    "packed-header.nii.gz": gzip.compress(nifti_header([2000, 2000, 2000])),
    "zeros.nii.gz": gzip.compress(nifti_header([4, 4, 4]) + bytes(60 * MIB), 1),
    "named-wrongly.nii": gzip.compress(bytes(60 * MIB), 1),
    "a.nrrd": NRRD % (b"short", b"2000 2000 2000"),
    "unknown-type.nrrd": NRRD % (b"quad", b"2000 2000 2000"),
    "a.mha": MHA % b"2000 2000 2000",
    "long-header.nrrd": LONG
    + b"type: short\ndimension: 3\nsizes: 2000 2000 2000\nencoding: gzip\n\n",
    "sizes-of-a-program.nrrd": (NRRD % (b"short", b"2000 2000 2000")).replace(
        b"dim", b"sizes:=1 1 1\ndim"
    ),
    "jpeg2000.dcm": compressed_dicom(30000),
    "packed.dcm": deflated_dicom(bytes(60 * MIB)),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_small_file_that_holds_much_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(HUGE[name])
    assert path.stat().st_size < MIB
    with pytest.raises(InputError, match="unpacks to something larger than 30 MiB"):
        check_unpacked_size([path], 30 * MIB)


HONEST = {
    "one.nii": (nifti_header([4, 5, 6]) + bytes(240), 592),
    "one.nii.gz": (gzip.compress(nifti_header([4, 5, 6]) + bytes(240)), 240),
    "a.nrrd": (NRRD % (b"short", b"40 50 60"), 240_000),
    "a.mha": (MHA % b"40 50 60", 240_000),
    "plain.dcm": (bytes(128) + b"DICM" + bytes(1000), 1132),
    "empty.nii": (b"", 0),
    "cut.nii.gz": (gzip.compress(bytes(10_000))[:15], 15),
}


@pytest.mark.parametrize("frames", [1, 50])
def test_compressed_pixels_count_as_what_they_become(tmp_path, frames):
    pydicom = pytest.importorskip("pydicom", reason="needs pydicom, the extra 'dicom'")
    dataset = pydicom.Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "2.25.1"
    dataset.NumberOfFrames = frames
    dataset.Rows = dataset.Columns = 1000
    dataset.SamplesPerPixel = 1
    dataset.BitsAllocated = 16
    dataset.PixelData = pydicom.encaps.encapsulate([b"tiny"])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert unpacked_bytes(tmp_path / "a.dcm", MUCH) == 2_000_000 * frames
    if frames > 1:
        with pytest.raises(InputError, match="larger than 30 MiB"):
            check_unpacked_size([tmp_path / "a.dcm"], 30 * MIB)


@pytest.mark.parametrize("name", HONEST)
def test_what_an_honest_file_takes_is_known(tmp_path, name):
    content, size = HONEST[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert unpacked_bytes(path, MUCH) == size
    check_unpacked_size([path], MUCH)


def test_the_files_of_a_series_count_together(tmp_path):
    paths = [tmp_path / f"{number}.dcm" for number in range(4)]
    for path in paths:
        path.write_bytes(bytes(MIB))
    check_unpacked_size(paths, 4 * MIB)
    with pytest.raises(InputError, match="larger than 3 MiB"):
        check_unpacked_size(paths, 3 * MIB)


def test_counting_stops_where_it_is_too_much(tmp_path):
    path = tmp_path / "zeros.nii.gz"
    path.write_bytes(gzip.compress(nifti_header([4, 4, 4]) + bytes(60 * MIB), 1))
    assert 10 * MIB < unpacked_bytes(path, 10 * MIB) <= 12 * MIB
