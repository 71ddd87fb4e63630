"""A DICOM folder is one volume where it is one; otherwise it is split, put right or refused with what is wrong."""

import shutil

import numpy as np
import pytest

pydicom = pytest.importorskip("pydicom", reason="needs pydicom, the extra 'test'")
pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")

from case_inputs import dicom_image, save_dicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID, RLELossless

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files import dicom, dicom_pixels
from SlicePropagationLib.files.codecs import unpacking
from SlicePropagationLib.files.loaded_check import remarks_on
from SlicePropagationLib.files.sequence import is_sequence, read_sequence
from SlicePropagationLib.files.series_choice import SeriesChoiceError
from SlicePropagationLib.files.volume import read_volume

NOISE = np.random.default_rng(0).integers(0, 5, (40, 16, 20))
PICTURES = NOISE + 10 * np.arange(40)[:, None, None]  # slice i has its least value at 10 i
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


@pytest.fixture(autouse=True, scope="module")
def one_process_for_all_files():
    """The process that unpacks is started once, and not by each test; `test_codecs` starts its own."""
    with unpacking():
        yield


@pytest.fixture(params=["pydicom", "SimpleITK"])
def headers(request, monkeypatch):
    """Headers read with pydicom, and without it."""
    if request.param == "SimpleITK":

        def is_missing(path, **options):
            raise ImportError("pydicom")

        monkeypatch.setattr(dicom, "has_pydicom", lambda: False)
        monkeypatch.setattr(dicom_pixels, "_with_pydicom", is_missing)


def write_series(folder, places, change=None, pictures=PICTURES):
    """Axial slices at these z, in files by number; `change(dataset, index)` alters each."""
    for index, z in enumerate(places):
        dataset = dicom_image(pictures[index], index + 1, float(z))
        if change:
            change(dataset, index)
        save_dicom(folder, dataset)
    return folder


def renamed(dataset, index):
    """Another file of the same place, not a copy."""
    dataset.SOPInstanceUID = f"2.25.9.{index}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def order_of(volume):
    """Which picture each slice is."""
    return (volume.array.min(axis=(1, 2)) // 10).tolist()


def said(volume):
    return " ".join(volume.remarks)


def choices_of(path):
    with pytest.raises(SeriesChoiceError) as caught:
        read_volume(path)
    return {choice.key: choice.text for choice in caught.value.choices}


def test_slices_are_in_the_order_of_their_positions(tmp_path, headers):
    volume = read_volume(write_series(tmp_path, [12, 0, 9, 3, 6]))
    assert order_of(volume) == [1, 3, 4, 2, 0]
    assert volume.image.GetSpacing() == pytest.approx((1, 1, 3))
    assert volume.image.GetOrigin() == pytest.approx((0, 0, 0))
    assert not volume.remarks


def test_every_slice_has_its_own_slope(tmp_path, headers):
    def scale(dataset, index):
        dataset.RescaleSlope = f"{0.001 * (index + 1):.4g}"
        dataset.RescaleIntercept = "-0.5"

    volume = read_volume(write_series(tmp_path, range(0, 30, 3), scale))
    slopes = 0.001 * np.arange(1, 11)[:, None, None]
    assert np.allclose(volume.array, PICTURES[:10] * slopes - 0.5, atol=1e-5)


def test_whole_slopes_keep_whole_numbers(tmp_path, headers):
    def scale(dataset, index):
        dataset.RescaleSlope = "2"
        dataset.RescaleIntercept = "-1024"

    volume = read_volume(write_series(tmp_path, [0, 3, 6], scale))
    assert volume.array.dtype.kind == "i"
    assert np.array_equal(volume.array, 2 * PICTURES[:3] - 1024)


def test_missing_slices_are_made_up_at_their_places_and_named(tmp_path, headers):
    volume = read_volume(write_series(tmp_path, [0, 3, 6, 12, 15, 18, 24, 27]))
    assert volume.image.GetSize() == (20, 16, 10)
    assert volume.spacing_mm[0] == pytest.approx(3)
    assert np.allclose(volume.array[3], (PICTURES[2] + PICTURES[3]) / 2, atol=0.5)
    assert "between 6 and 12 mm and between 18 and 24 mm" in said(volume)
    assert "slice 3, 7" in said(volume)


def test_a_wide_gap_is_refused_with_both_distances(tmp_path, headers):
    with pytest.raises(InputError, match="between 6 and 30 mm, where the others are 3 mm"):
        read_volume(write_series(tmp_path, [0, 3, 6, 30, 33, 36]))


def test_unequal_gaps_are_refused_with_both_values(tmp_path, headers):
    with pytest.raises(InputError, match="3 mm between 0 and 3 mm, and 5 mm between 9 and 14"):
        read_volume(write_series(tmp_path, [0, 3, 6, 9, 14, 19, 24]))


def test_slightly_unequal_gaps_are_read_with_a_remark(tmp_path, headers):
    volume = read_volume(write_series(tmp_path, [0, 3.1, 5.9, 9, 12]))
    assert volume.spacing_mm[0] == pytest.approx(3)
    assert "2.8 to 3.1 mm apart" in said(volume)


@pytest.mark.parametrize(
    "keyword, values, name",
    [
        ("AcquisitionNumber", (1, 2), "acquisition 2"),
        ("EchoTime", (2.3, 4.6), "echo time 4.6"),
        ("ConvolutionKernel", ("B30", "B60"), "kernel B60"),
        ("DiffusionBValue", (0.0, 800.0), "b-value 800"),
        ("ImageType", (["ORIGINAL", "M"], ["ORIGINAL", "P"]), "image type"),
    ],
)
def test_volumes_of_one_series_are_told_apart_and_one_is_chosen(
    tmp_path, headers, keyword, values, name
):
    def mark(dataset, index):
        setattr(dataset, keyword, values[index // 5])
        renamed(dataset, index)

    folder = write_series(tmp_path, [0, 3, 6, 9, 12] * 2, mark)
    choices = choices_of(folder)
    assert list(choices) == ["1/1", "1/2"]
    assert name in choices["1/2"]
    assert order_of(read_volume(folder, series="1/2")) == [5, 6, 7, 8, 9]
    assert order_of(read_volume(folder, series="2.25.2/1")) == [0, 1, 2, 3, 4]


def test_images_that_only_their_numbers_tell_apart_are_a_choice(tmp_path, headers):
    choices = choices_of(write_series(tmp_path, [0, 3, 6] * 2, renamed))
    assert "images 1 to 3" in choices["1/1"]


def test_phases_that_are_shifted_against_each_other_are_no_volume(tmp_path, headers):
    def mark(dataset, index):
        dataset.AcquisitionNumber = 1 + index // 5

    choices = choices_of(write_series(tmp_path, [0, 3, 6, 9, 12, 1, 4, 7, 10, 13], mark))
    assert len(choices) == 2


@pytest.mark.parametrize(
    "keyword, values", [("AcquisitionNumber", (1, 2)), ("EchoTime", (2.3, 4.6))]
)
def test_phases_that_lie_half_a_step_beside_each_other_are_no_volume(
    tmp_path, headers, keyword, values
):
    def mark(dataset, index):
        setattr(dataset, keyword, values[index % 2])

    folder = write_series(tmp_path, 1.5 * np.arange(10), mark)
    assert len(choices_of(folder)) == 2
    assert order_of(read_volume(folder, series="1/2")) == [1, 3, 5, 7, 9]


def test_acquisitions_that_go_on_where_others_end_are_one_volume(tmp_path, headers):
    def mark(dataset, index):
        dataset.AcquisitionNumber = 1 + index // 3

    assert order_of(read_volume(write_series(tmp_path, [0, 3, 6, 9, 12, 15], mark))) == [*range(6)]


def test_slices_of_two_frames_of_reference_are_no_volume(tmp_path, headers):
    def mark(dataset, index):
        dataset.FrameOfReferenceUID = f"2.25.{10 + index // 3}"

    choices = choices_of(write_series(tmp_path, [0, 3, 6, 9, 12, 15], mark))
    assert "frame of reference 2" in choices["1/2"]


def test_a_series_that_was_exported_twice_is_read_once(tmp_path, headers):
    def mark(dataset, index):
        renamed(dataset, index)
        dataset.ContentTime = f"12000{index // 4}"

    pictures = np.tile(PICTURES[:4], (2, 1, 1))
    volume = read_volume(write_series(tmp_path, [0, 3, 6, 9] * 2, mark, pictures))
    assert order_of(volume) == [0, 1, 2, 3]
    assert "twice" in said(volume)


def test_slices_that_do_not_say_how_they_are_turned_are_axial_with_a_remark(tmp_path, headers):
    def forget(dataset, index):
        del dataset.ImageOrientationPatient

    volume = read_volume(write_series(tmp_path, [0, 3, 6], forget))
    assert "ImageOrientationPatient" in said(volume)


def test_slices_that_do_not_say_how_they_are_turned_are_not_taken_for_tilted_ones(
    tmp_path, headers
):
    def tilt(dataset, index):
        del dataset.ImageOrientationPatient
        dataset.ImagePositionPatient = [0, 2 * index, 3 * index]

    with pytest.raises(InputError, match="ImageOrientationPatient.*4 mm"):
        read_volume(write_series(tmp_path, [0, 3, 6], tilt))


def test_a_slice_in_between_is_no_sign_of_missing_ones(tmp_path, headers):
    with pytest.raises(InputError, match=r"1\.5 mm between 6 and 7\.5 mm, and 3 mm between"):
        read_volume(write_series(tmp_path, [0, 3, 6, 7.5, 9, 12]))


def test_directions_of_one_series_are_told_apart(tmp_path, headers):
    def turn(dataset, index):
        renamed(dataset, index)
        if index >= 4:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [0, 5 * (index - 4), 0]

    folder = write_series(tmp_path, [0, 3, 6, 9] + [0] * 4, turn)
    assert ["axial" in text for text in choices_of(folder).values()] == [True, False]
    coronal = read_volume(folder, series="1/2")
    assert coronal.spacing_mm[0] == pytest.approx(5)


def test_a_scout_in_the_series_is_left_out_with_a_remark(tmp_path, headers):
    def turn(dataset, index):
        renamed(dataset, index)
        if index == 0:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    volume = read_volume(write_series(tmp_path, [0, 0, 3, 6], turn))
    assert order_of(volume) == [1, 2, 3]
    assert "coronal" in said(volume)


def test_several_series_are_listed_by_their_numbers(tmp_path, headers, capsys):
    def part(dataset, index):
        renamed(dataset, index)
        if index >= 3:
            dataset.SeriesInstanceUID = "2.25.77"
            dataset.SeriesNumber = 4
            dataset.SeriesDescription = "late"

    folder = write_series(tmp_path / "study", [0, 3, 6] * 2, part)
    assert list(choices_of(folder)) == ["1", "4"]
    assert order_of(read_volume(folder, series="2.25.77")) == [3, 4, 5]
    words = [
        "propagate",
        "--image",
        str(folder),
        "--seed",
        "s.nrrd",
        "--out",
        str(tmp_path / "o.nrrd"),
    ]
    assert main([*words, "--series", "9", "--engine", "copy"]) == 2
    message = capsys.readouterr().err
    assert '4: CT "late", 3 slice(s) of 20x16, 0 to 6 mm' in message
    assert "--series 9 names 0" in message


def test_copies_are_read_once(tmp_path, headers):
    folder = write_series(tmp_path, [0, 3, 6])
    shutil.copy(folder / "002.dcm", folder / "again.dcm")
    volume = read_volume(folder)
    assert order_of(volume) == [0, 1, 2]
    assert "1 image(s) twice" in said(volume)


def test_copies_under_other_identifiers_are_read_once(tmp_path, headers):
    pictures = np.concatenate([PICTURES[:3], PICTURES[:3]])
    volume = read_volume(write_series(tmp_path, [0, 3, 6] * 2, renamed, pictures))
    assert order_of(volume) == [0, 1, 2]
    assert "3 image(s) twice" in said(volume)


def test_one_identifier_for_all_files_makes_no_copies_of_them(tmp_path, headers):
    def name(dataset, index):
        renamed(dataset, 0)

    assert order_of(read_volume(write_series(tmp_path, [0, 3, 6], name))) == [0, 1, 2]


def test_a_tilted_gantry_is_put_right(tmp_path, headers):
    angle = np.radians(15)
    rows = np.arange(16)[:, None] * np.cos(angle) * np.ones((16, 20))

    def tilt(dataset, index):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(angle)), float(-np.sin(angle))]

    height = np.stack([1000 + 40 * rows] * 8)  # the value says how far to the back a voxel is
    volume = read_volume(write_series(tmp_path, range(0, 24, 3), tilt, height))
    assert "tilted by 15 degrees" in said(volume)
    for index in (0, 4, 7):
        inside = np.argwhere(volume.array[index] > 1000 + 40)
        row, column = inside[len(inside) // 2]
        place = volume.image.TransformIndexToPhysicalPoint((int(column), int(row), index))
        assert (volume.array[index, row, column] - 1000) / 40 == pytest.approx(place[1], abs=0.1)


def test_slices_that_were_moved_in_their_planes_are_moved_back(tmp_path, headers):
    def move(dataset, index):
        dataset.ImagePositionPatient = [0 if index < 3 else 4, 0, 3 * index]

    volume = read_volume(write_series(tmp_path, range(6), move))
    assert volume.image.GetSize() == (24, 16, 6)
    assert np.array_equal(volume.array[4, :, 4:], PICTURES[4])
    assert "4 mm" in said(volume)


def test_slices_that_were_moved_far_are_refused(tmp_path, headers):
    def move(dataset, index):
        dataset.ImagePositionPatient = [0 if index < 3 else 40, 0, 3 * index]

    with pytest.raises(InputError, match="up to 40 mm"):
        read_volume(write_series(tmp_path, range(6), move))


def beat(dataset, index):
    """Four times at each of three places; the heart beats are not equally long."""
    renamed(dataset, index)
    dataset.TriggerTime = 30 * (index % 4) + 0.5 * (index // 4)
    dataset.ImagePositionPatient = [0, 0, 8 * (index // 4)]


def test_times_are_a_sequence_of_which_one_can_be_taken(tmp_path, headers):
    folder = write_series(tmp_path, range(12), beat)
    with pytest.raises(InputError, match="4 frames .* --frame 0 to 3"):
        read_volume(folder)
    assert order_of(read_volume(folder, frame=2)) == [2, 6, 10]
    assert is_sequence(folder)
    sequence = read_sequence(folder)
    assert sequence.array.shape == (4, 3, 16, 20)
    assert sequence.frame_step == pytest.approx(30)
    with pytest.raises(InputError, match="frames 0 to 3, and frame 4"):
        read_volume(folder, frame=4)


def test_a_sequence_that_lacks_a_time_is_refused_with_both_counts(tmp_path, headers):
    folder = write_series(tmp_path, range(12), beat)
    (folder / "004.dcm").unlink()
    with pytest.raises(InputError, match="with 3 and with 4 frames"):
        read_volume(folder)


def test_a_volume_is_no_sequence(tmp_path, headers):
    folder = write_series(tmp_path, [0, 3, 6])
    assert not is_sequence(folder)
    with pytest.raises(InputError, match="1 frame of 3 slices"):
        read_sequence(folder)


def test_slices_in_folders_of_their_own_are_found(tmp_path, headers):
    folder = write_series(tmp_path, [0, 3, 6])
    for index, path in enumerate(sorted(folder.iterdir())):
        (folder / f"part{index}").mkdir()
        path.rename(folder / f"part{index}" / "IMG")
    (folder / "README.TXT").write_text("x" * 300, encoding="utf-8")
    assert order_of(read_volume(folder)) == [0, 1, 2]


def test_a_file_of_a_series_stands_for_it(tmp_path, headers):
    folder = write_series(tmp_path, [0, 3, 6])
    volume = read_volume(folder / "002.dcm")
    assert order_of(volume) == [0, 1, 2]
    assert "one of 3 images" in said(volume)


def test_files_that_a_disc_lists_and_lacks_are_remarked_on(tmp_path):
    from pydicom.fileset import FileSet

    disc = FileSet()
    for index in range(5):
        disc.add(dicom_image(PICTURES[index], index + 1, 3.0 * index))
    disc.write(tmp_path / "disc")
    path = tmp_path / "disc" / "DICOMDIR"
    assert order_of(read_volume(path)) == [0, 1, 2, 3, 4]
    next(path.parent.rglob("IM*2")).unlink()
    assert "lists 5 files, 1 of them" in said(read_volume(path))


def test_a_truncated_file_is_refused_by_name(tmp_path):
    folder = write_series(tmp_path, [0, 3, 6])
    path = folder / "002.dcm"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"002\.dcm cannot be read"):
        read_volume(folder)


def test_a_damaged_header_is_left_out_with_a_remark(tmp_path, headers):
    folder = write_series(tmp_path, [0, 3, 6])
    start = (folder / "001.dcm").read_bytes()[:140]
    (folder / "damaged.dcm").write_bytes(start + b"\xff" * 9)
    assert order_of(read_volume(folder)) == [0, 1, 2]


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "PixelSpacing"])
def test_what_a_header_lacks_is_said(tmp_path, headers, keyword):
    def strip(dataset, index):
        delattr(dataset, keyword)

    folder = write_series(tmp_path, [0, 3, 6], strip)
    if keyword == "PixelSpacing":
        assert "1 mm is taken" in said(read_volume(folder))
    else:
        with pytest.raises(InputError, match="no positions .* 3 images"):
            read_volume(folder)


def test_compressed_slices_have_their_slopes(tmp_path, headers):
    def pack(dataset, index):
        dataset.RescaleSlope = ["1", "0.001", "0.002"][index]
        dataset.RescaleIntercept = "0"
        dataset.compress(RLELossless)

    volume = read_volume(write_series(tmp_path, [0, 3, 6], pack))
    slopes = np.array([1, 0.001, 0.002])[:, None, None]
    assert np.allclose(volume.array, PICTURES[:3] * slopes, atol=1e-5)


def test_micrometres_are_no_single_place(tmp_path, headers):
    def shrink(dataset, index):
        dataset.PixelSpacing = [0.004, 0.004]

    volume = read_volume(write_series(tmp_path, 0.004 * np.arange(5), shrink))
    assert volume.image.GetSpacing() == pytest.approx((0.004,) * 3)


def item(**elements):
    """A pydicom data set with these elements."""
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def write_enhanced(path, frames, storage=ENHANCED_CT):
    """An enhanced file: frames as {picture, z, sequence of items: {...}}, in the order given."""
    pictures = np.stack([PICTURES[frame["picture"]] for frame in frames])
    dataset = dicom_image(pictures[0], 1, 0, storage=UID(storage), NumberOfFrames=len(frames))
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(dataset, keyword)
    shared = item(
        PlaneOrientationSequence=Items([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Items([item(PixelSpacing=[0.5, 0.75])]),
    )
    dataset.SharedFunctionalGroupsSequence = Items([shared])
    dataset.PerFrameFunctionalGroupsSequence = Items([own_items(frame) for frame in frames])
    dataset.PixelData = pictures.astype("<u2").tobytes()
    if storage == PARAMETRIC_MAP:
        make_float(dataset, pictures / 1000)
    save_dicom(path.parent, dataset, path.name)
    return path


def own_items(frame):
    """The items of one frame."""
    known = {
        "PlanePositionSequence": {"ImagePositionPatient": [0, 0, float(frame["z"])]},
        "FrameContentSequence": {"StackID": "1"},
    }
    groups = known | {name: value for name, value in frame.items() if name.endswith("Sequence")}
    return item(**{name: Items([item(**elements)]) for name, elements in groups.items()})


def make_float(dataset, values):
    """Store the values as floating-point pixel data."""
    del dataset.PixelData
    dataset.FloatPixelData = values.astype("<f4").tobytes()
    dataset.BitsAllocated = 32
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)


SHUFFLED = [int(number) for number in np.random.default_rng(1).permutation(12)]


def test_frames_of_an_enhanced_file_are_sorted_by_their_places(tmp_path):
    frames = [{"picture": index, "z": 3 * index} for index in SHUFFLED]
    volume = read_volume(write_enhanced(tmp_path / "a.dcm", frames))
    assert order_of(volume) == list(range(12))
    assert volume.image.GetSpacing() == pytest.approx((0.75, 0.5, 3))


def test_frames_of_an_enhanced_file_have_their_own_slopes(tmp_path):
    frames = []
    for index in SHUFFLED:
        values = {"RescaleSlope": f"{0.001 * (index + 1):.4g}", "RescaleIntercept": "0"}
        frames.append(
            {"picture": index, "z": 3 * index, "PixelValueTransformationSequence": values}
        )
    volume = read_volume(write_enhanced(tmp_path / "a.dcm", frames))
    slopes = 0.001 * np.arange(1, 13)[:, None, None]
    assert np.allclose(volume.array, PICTURES[:12] * slopes, atol=1e-5)


def test_packed_frames_have_their_own_slopes(tmp_path):
    frames = []
    for index in SHUFFLED:
        values = {"RescaleSlope": f"{0.001 * (index + 1):.4g}", "RescaleIntercept": "0"}
        frames.append(
            {"picture": index, "z": 3 * index, "PixelValueTransformationSequence": values}
        )
    path = write_enhanced(tmp_path / "a.dcm", frames)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    slopes = 0.001 * np.arange(1, 13)[:, None, None]
    assert np.allclose(read_volume(path).array, PICTURES[:12] * slopes, atol=1e-5)


@pytest.mark.parametrize("times", [{"FrameTime": 40}, {"FrameTimeVector": [0, 40, 40, 40]}])
def test_a_film_without_places_is_a_sequence_of_one_slice(tmp_path, times):
    region = item(
        PhysicalUnitsXDirection=3,
        PhysicalUnitsYDirection=3,
        PhysicalDeltaX=0.02,
        PhysicalDeltaY=0.03,
    )
    dataset = dicom_image(PICTURES[0], 1, 0, modality="US", NumberOfFrames=4, **times)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(dataset, keyword)
    dataset.SequenceOfUltrasoundRegions = Items([region])
    dataset.PixelData = PICTURES[:4].astype("<u2").tobytes()
    save_dicom(tmp_path, dataset, "film.dcm")
    with pytest.raises(InputError, match="4 frames"):
        read_volume(tmp_path)
    sequence = read_sequence(tmp_path)
    assert np.array_equal(sequence.array, PICTURES[:4, None])
    assert sequence.spacing_mm[1:] == pytest.approx((0.3, 0.2))
    assert sequence.frame_step == 40


def test_an_enhanced_file_has_times(tmp_path):
    frames = []
    for index in SHUFFLED:
        content = {"StackID": "1", "TemporalPositionIndex": 1 + index // 4}
        frames.append({"picture": index, "z": 8 * (index % 4), "FrameContentSequence": content})
    path = write_enhanced(tmp_path / "a.dcm", frames)
    assert order_of(read_volume(path, frame=1)) == [4, 5, 6, 7]
    assert read_sequence(path).array.shape == (3, 4, 16, 20)


def test_an_enhanced_file_has_volumes_to_choose_from(tmp_path):
    frames = []
    for index in SHUFFLED:
        diffusion = {"DiffusionBValue": [0.0, 500.0, 1000.0][index // 4]}
        frames.append({"picture": index, "z": 8 * (index % 4), "MRDiffusionSequence": diffusion})
    path = write_enhanced(tmp_path / "a.dcm", frames)
    assert "b-value 1000" in choices_of(path)["1/3"]
    assert order_of(read_volume(path, series="1/3")) == [8, 9, 10, 11]


def test_an_enhanced_file_that_lacks_a_place_is_remarked_on(tmp_path):
    frames = [{"picture": index, "z": 3 * index} for index in SHUFFLED if index != 4]
    assert "between 9 and 15 mm" in said(read_volume(write_enhanced(tmp_path / "a.dcm", frames)))


def test_a_parametric_map_below_1_is_an_image(tmp_path):
    frames = [{"picture": index, "z": 3 * index} for index in SHUFFLED]
    volume = read_volume(write_enhanced(tmp_path / "a.dcm", frames, PARAMETRIC_MAP))
    assert np.allclose(volume.array, PICTURES[:12] / 1000, atol=1e-6)


def test_a_dose_has_the_places_of_its_frames(tmp_path):
    dataset = dicom_image(
        PICTURES[0],
        1,
        5,
        storage=UID(DOSE),
        modality="RTDOSE",
        NumberOfFrames=3,
        GridFrameOffsetVector=[0, 2.5, 5],
        DoseGridScaling="0.001",
    )
    dataset.PixelData = PICTURES[:3].astype("<u2").tobytes()
    save_dicom(tmp_path, dataset, "dose.dcm")
    volume = read_volume(tmp_path / "dose.dcm")
    assert volume.spacing_mm[0] == pytest.approx(2.5)
    assert np.allclose(volume.array, PICTURES[:3] / 1000, atol=1e-6)


def test_an_enhanced_file_without_pydicom_is_refused_with_what_to_install(tmp_path, monkeypatch):
    frames = [{"picture": index, "z": 3 * index} for index in SHUFFLED]
    path = write_enhanced(tmp_path / "a.dcm", frames)
    monkeypatch.setattr(dicom, "has_pydicom", lambda: False)
    with pytest.raises(InputError, match=r"slice-propagation\[dicom\]"):
        read_volume(path)


def test_of_files_that_slicer_read_it_is_said_what_is_odd(tmp_path, headers):
    def mark(dataset, index):
        dataset.AcquisitionNumber = 1 + index // 3
        renamed(dataset, index)

    plain = write_series(tmp_path / "plain", [0, 3, 6])
    gap = write_series(tmp_path / "gap", [0, 3, 6, 12, 15])
    phases = write_series(tmp_path / "phases", [0, 3, 6] * 2, mark)
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    assert remarks_on(sorted(plain.iterdir())) == []
    assert "between 6 and 12 mm" in remarks_on(sorted(gap.iterdir()))[0]
    assert "holds 2 volumes" in remarks_on(sorted(phases.iterdir()))[0]
    assert remarks_on([tmp_path / "notes.txt", tmp_path / "gone.nii"]) == []


def test_of_files_that_slicer_read_slopes_and_copies_are_named_in_whole_sentences(
    tmp_path, headers
):
    def mark(dataset, index):
        renamed(dataset, index)
        dataset.RescaleSlope = str(0.5 + index % 3)

    pictures = np.tile(PICTURES[:3], (2, 1, 1))
    folder = write_series(tmp_path / "pet", [0, 3, 6] * 2, mark, pictures)
    unequal = write_series(tmp_path / "unequal", [0, 3, 6.1])
    twice, slopes = remarks_on(sorted(folder.iterdir()))
    assert twice.startswith("The series in pet has 3 image(s) twice")
    assert slopes.startswith(
        "The values of the series in pet have a slope for each slice, 0.5 to 2.5."
    )
    [moved] = remarks_on(sorted(unequal.iterdir()))
    assert moved.startswith("The slices of the series in unequal are 3 to 3.1 mm apart")
    assert ".." not in moved
