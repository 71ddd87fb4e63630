"""What is written for other programs says of the same voxels the same, in the place of the images."""

import csv
import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files.dicom_source import source_slices
from SlicePropagationLib.files.segmentation_file import read_segmentation, write_layers
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.files.volume import Volume, read_volume

SHAPE = (8, 24, 20)
SPACING = (0.8, 1.2, 2.5)  # along I, J, K
OBLIQUE = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
CORNER = np.array([5.0, -7.0, 11.0])


@pytest.fixture
def pydicom():
    return pytest.importorskip("pydicom", reason="needs pydicom, the extra 'dicom'")


@pytest.fixture
def series(tmp_path, pydicom):
    """A folder with an oblique CT, stored in no particular order."""
    from case_inputs import dicom_image, save_dicom

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, SHAPE)
    pixels[:, 6:16, 5:14] += 400
    folder = tmp_path / "ct"
    for index in range(SHAPE[0]):
        place = CORNER + OBLIQUE[:, 2] * SPACING[2] * index
        dataset = dicom_image(
            pixels[index],
            (5 * index) % 8 + 1,
            0,
            ImagePositionPatient=place.tolist(),
            ImageOrientationPatient=OBLIQUE[:, :2].T.ravel().tolist(),
            PixelSpacing=[SPACING[1], SPACING[0]],
            SliceThickness=SPACING[2],
            PatientName="Müller^Ü",
            SpecificCharacterSet="ISO_IR 192",
        )
        save_dicom(folder, dataset)
    return folder


def masks():
    """An organ with a hole, a tumour that lies partly over it, and a spot elsewhere."""
    organ = np.zeros(SHAPE, bool)
    organ[3, 4:18, 3:15] = True
    organ[3, 8:10, 6:8] = False
    tumour = np.zeros(SHAPE, bool)
    tumour[3, 12:20, 10:17] = True
    spot = np.zeros(SHAPE, bool)
    spot[3, 0:2, 17:20] = True
    return {"organ": organ, "Tumör": tumour, "spot": spot}


def export(series, tmp_path, kinds, *, may_overlap=True, out="out.seg.nrrd"):
    found = masks()
    if not may_overlap:
        found["Tumör"] &= ~found["organ"]
    labels = (7, 300, 9)
    layers = [label * mask for label, mask in zip(labels, found.values(), strict=True)]
    places = range(3)
    if not may_overlap:
        layers = [sum(layers)]
        places = (0, 0, 0)
    segments = [
        Segment(label, name, f"id{label}", (1.0, 0.5, 0.0), "", place, label)
        for label, name, place in zip(labels, found, places, strict=True)
    ]
    seed = tmp_path / "seed.seg.nrrd"
    write_layers(seed, layers, read_volume(series), segments)
    files = ("--image", series, "--seed", seed, "--out", tmp_path / out, "--engine", "copy")
    words = ["propagate", *files, "--quiet", "--export", kinds]
    return main([str(word) for word in words])


def drawn_in(path, series):
    found = read_segmentation(path, read_volume(series))
    return {segment.name: found.mask(segment) for segment in found.segments}


def filled(points, shape, image):
    """(slice, mask) of a contour in mm: the pixels whose centres lie inside."""
    from test_contours import filled as filled_polygon

    inverse = np.linalg.inv(np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing())
    places = (points - image.GetOrigin()) @ inverse.T
    assert np.allclose(places[:, 2], np.round(places[0, 2]), atol=1e-3)
    polygon = np.round(places[:, 1::-1] * 2) / 2
    assert np.allclose(polygon, places[:, 1::-1], atol=1e-3)
    return round(places[0, 2]), filled_polygon(polygon, shape[1:])


def test_an_rtstruct_filled_gives_the_masks_again(series, tmp_path, pydicom):
    assert export(series, tmp_path, "rtstruct") == 0
    found = pydicom.dcmread(tmp_path / "out.rtstruct.dcm")
    drawn = drawn_in(tmp_path / "out.seg.nrrd", series)
    image = read_volume(series).image
    names = {roi.ROINumber: roi.ROIName for roi in found.StructureSetROISequence}
    for roi in found.ROIContourSequence:
        mask = np.zeros(SHAPE, bool)
        for contour in roi.ContourSequence:
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            assert contour.NumberOfContourPoints == len(points)
            index, part = filled(points, SHAPE, image)
            mask[index] ^= part
        assert np.array_equal(mask, drawn[names[roi.ReferencedROINumber]])
    assert len(names) == 3


def test_an_rtstruct_refers_to_the_images_patient_and_study(series, tmp_path, pydicom):
    assert export(series, tmp_path, "rtstruct") == 0
    found = pydicom.dcmread(tmp_path / "out.rtstruct.dcm")
    images = [pydicom.dcmread(path) for path in series.iterdir()]
    for name in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert found[name].value == images[0][name].value
    assert found.SeriesInstanceUID != images[0].SeriesInstanceUID
    uids = {each.SOPInstanceUID: each for each in images}
    study = found.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    named = study.RTReferencedSeriesSequence[0].ContourImageSequence
    assert {each.ReferencedSOPInstanceUID for each in named} == set(uids)
    for contour in found.ROIContourSequence[0].ContourSequence:
        point = np.array(contour.ContourData[:3], float)
        own = uids[contour.ContourImageSequence[0].ReferencedSOPInstanceUID]
        off = OBLIQUE[:, 2] @ (point - np.array(own.ImagePositionPatient, float))
        assert abs(off) < 1e-3


@pytest.mark.parametrize("may_overlap", [True, False])
def test_a_dicom_segmentation_has_the_same_masks(series, tmp_path, pydicom, may_overlap):
    highdicom = pytest.importorskip("highdicom", reason="needs highdicom, the extra 'dicom'")
    assert export(series, tmp_path, "dicom-seg", may_overlap=may_overlap) == 0
    found = highdicom.seg.segread(tmp_path / "out.seg.dcm")
    drawn = drawn_in(tmp_path / "out.seg.nrrd", series)
    volume = found.get_volume()
    matrix = volume.affine
    image = read_volume(series).image
    for number in found.segment_numbers:
        description = found.get_segment_description(number)
        mask = drawn[description.segment_label]
        shown = np.argwhere(volume.array[..., number - 1])
        places = shown @ matrix[:3, :3].T + matrix[:3, 3]
        indices = [image.TransformPhysicalPointToIndex(place.tolist())[::-1] for place in places]
        assert sorted(indices) == sorted(map(tuple, np.argwhere(mask).tolist()))
    labels = [found.get_segment_description(n).tracking_id for n in found.segment_numbers]
    assert sorted(labels) == ["300 id300", "7 id7", "9 id9"]
    assert found.PatientName == "Müller^Ü"
    referenced = found.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert len(referenced) == SHAPE[0]


def test_meshes_are_written_a_segment_a_file(series, tmp_path):
    assert export(series, tmp_path, "stl,obj,ply") == 0
    names = sorted(path.name for path in tmp_path.glob("out.*.*") if "csv" not in path.name)
    assert names == sorted(
        [
            "out.seg.nrrd",
            *(f"out.{n}.{kind}" for n in (7, 9, 300) for kind in ("stl", "obj", "ply")),
        ]
    )


@pytest.mark.parametrize("kind", ["rtstruct", "dicom-seg"])
def test_an_image_that_is_not_dicom_is_refused_before_the_run(tmp_path, capsys, kind, pydicom):
    if kind == "dicom-seg":
        pytest.importorskip("highdicom", reason="needs highdicom, the extra 'dicom'")
    case = make_case(tmp_path)
    words = ["--image", case["image"], "--seed", case["seed"], "--out", tmp_path / "o.nii.gz"]
    assert main([str(word) for word in ("propagate", *words, "--export", kind)]) == 2
    assert "no DICOM series" in capsys.readouterr().err
    assert not (tmp_path / "o.nii.gz").exists()


@pytest.mark.parametrize("package, kind", [("pydicom", "rtstruct"), ("highdicom", "dicom-seg")])
def test_a_missing_package_is_named_with_its_extra(tmp_path, capsys, monkeypatch, package, kind):
    case = make_case(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    words = ["--image", case["image"], "--seed", case["seed"], "--out", tmp_path / "o.nii.gz"]
    assert main([str(word) for word in ("propagate", *words, "--export", kind)]) == 2
    assert "slice-propagation[dicom]" in capsys.readouterr().err


def test_an_export_that_there_is_not_is_refused(tmp_path, capsys):
    case = make_case(tmp_path)
    words = ["--image", case["image"], "--seed", case["seed"], "--out", tmp_path / "o.nii.gz"]
    assert main([str(word) for word in ("propagate", *words, "--export", "vrml")]) == 2
    assert "vrml" in capsys.readouterr().err


def test_a_batch_exports_each_case_and_resumes_only_the_same(tmp_path, capsys):
    case = make_case(tmp_path)
    with open(tmp_path / "cases.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("image", "seed", "out"), (case["image"].name, case["seed"].name, "a.nii.gz")]
        )
    words = ["batch", "--cases", tmp_path / "cases.csv", "--out", tmp_path / "found"]
    words = [str(word) for word in [*words, "--engine", "copy", "--resume", "--quiet"]]
    assert main(words) == 0
    assert not (tmp_path / "found" / "a.1.stl").exists()
    assert main([*words, "--export", "stl"]) == 0
    assert (tmp_path / "found" / "a.1.stl").is_file()


def test_slices_that_fill_a_gap_refer_to_no_image(series, tmp_path, pydicom):
    from SlicePropagationLib.files.dicom_source import source_slices

    volume = read_volume(series)
    next(iter(sorted(series.iterdir()))).unlink()
    sources = source_slices(volume)
    assert len(sources) == SHAPE[0] - 1
    for index, source in sources.items():
        place = CORNER + OBLIQUE[:, 2] * SPACING[2] * index
        assert np.allclose(source.dataset.ImagePositionPatient, place, atol=1e-3)


def test_slices_of_a_tilted_gantry_are_referred_to(series, tmp_path, pydicom):
    from SlicePropagationLib.files.dicom_source import source_slices

    for path in series.iterdir():
        dataset = pydicom.dcmread(path)
        place = np.array(dataset.ImagePositionPatient, float)
        along = OBLIQUE[:, 2] @ (place - CORNER)
        dataset.ImagePositionPatient = (place + 0.3 * along * OBLIQUE[:, 1]).tolist()
        dataset.save_as(path)
    volume = read_volume(series)
    assert volume.array.shape[1] > SHAPE[1]
    sources = source_slices(volume)
    assert sorted(sources) == list(range(SHAPE[0]))
    for index, source in sources.items():
        place = np.array(source.dataset.ImagePositionPatient, float)
        assert OBLIQUE[:, 2] @ (place - CORNER) == pytest.approx(SPACING[2] * index, abs=1e-3)


def test_of_two_phases_the_one_that_was_read_is_referred_to(series, tmp_path, pydicom):
    from SlicePropagationLib.files.dicom_source import source_slices

    volume = read_volume(series)
    rng = np.random.default_rng(1)
    for path in list(series.iterdir()):
        other = pydicom.dcmread(path)
        other.SOPInstanceUID += ".9"
        other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
        other.PixelData = rng.integers(0, 200, SHAPE[1:]).astype("<u2").tobytes()
        other.save_as(series / f"a{path.name}")
    found = {str(source.dataset.SOPInstanceUID) for source in source_slices(volume).values()}
    assert not any(uid.endswith(".9") for uid in found)
    assert len(found) == SHAPE[0]


def test_the_record_tells_volumes(series, tmp_path):
    assert export(series, tmp_path, "stl") == 0
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    drawn = drawn_in(tmp_path / "out.seg.nrrd", series)
    voxel_ml = float(np.prod(SPACING)) / 1000
    assert sitk.ReadImage(str(tmp_path / "out.seg.nrrd")).GetSize() == SHAPE[::-1]
    for entry in record["segments"]:
        volume = drawn[entry["name"]].sum() * voxel_ml
        assert entry["volume_ml"] == pytest.approx(volume, rel=1e-4)


def propagate_thick(tmp_path, spacing):
    """A case of thick slices, propagated with exports on fine ones."""
    case = make_case(tmp_path)
    for path in (case["image"], case["seed"]):
        picture = sitk.ReadImage(str(path))
        picture.SetSpacing(spacing)
        sitk.WriteImage(picture, str(path))
    words = ["propagate", "--image", case["image"], "--seed", case["seed"], "--engine", "copy"]
    words += ["--out", tmp_path / "out.nii.gz", "--quiet", "--export", "fine"]
    return main([str(word) for word in words])


def test_on_fine_slices_thick_ones_stay_as_they_are_and_where_they_are(tmp_path):
    assert propagate_thick(tmp_path, (1.0, 1.0, 4.0)) == 0
    thick = sitk.ReadImage(str(tmp_path / "out.nii.gz"))
    fine = sitk.ReadImage(str(tmp_path / "out.fine.seg.nrrd"))
    assert fine.GetSpacing() == pytest.approx((1.0, 1.0, 1.0))
    assert sitk.GetArrayFromImage(thick).any()
    again = sitk.Resample(fine, thick, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert np.array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(thick))


def test_where_slices_are_thin_already_it_is_said_before_the_run(tmp_path, capsys):
    assert propagate_thick(tmp_path, (1.0, 1.0, 1.0)) == 2
    assert "no stair steps to remove" in capsys.readouterr().err
    assert not (tmp_path / "out.nii.gz").exists()


def test_where_the_image_is_gone_nothing_around_it_is_searched(tmp_path, pydicom, monkeypatch):
    image = sitk.Image([4, 4, 2], sitk.sitkInt16)
    (tmp_path / "other").write_bytes(b"no picture")
    volume = Volume(sitk.GetArrayFromImage(image), image, tmp_path / "gone.nii.gz")
    read = []
    monkeypatch.setattr(pydicom, "dcmread", lambda path, **options: read.append(path))
    with pytest.raises(InputError, match="is no DICOM series"):
        source_slices(volume)
    assert read == []
