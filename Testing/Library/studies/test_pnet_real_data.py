"""PNet-MSA on real scans.

It learns a hippocampus in seconds; what `segment` writes has the scan's geometry and opens in
Slicer's own reader.
"""

import json

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch")
pytest.importorskip("lightning")
pytest.importorskip("monai")

from case_files import read

from SlicePropagationLib.commands.main import main

QUICK = {
    "task": {"network": {"channels": 8}, "slices": {"size": 48}},
    "loop": {"batches_per_epoch": 30, "learning_rate": 0.003},
}


@pytest.fixture(scope="module")
def trained(pytestconfig, tmp_path_factory):
    """(model file, an image and its truth that were not learnt from); trained for some seconds."""
    data = pytestconfig.getoption("--data").resolve()
    if not (data / "cases.csv").is_file():
        pytest.skip(f"There is no cases.csv in {data}; name the data folder with --data.")
    folder = tmp_path_factory.mktemp("pnet")
    (folder / "quick.json").write_text(json.dumps(QUICK), encoding="utf-8")
    rows = [
        line.split(",")
        for line in (data / "cases.csv").read_text(encoding="utf-8").splitlines()[1:]
    ]
    held_out = next(row for row in rows if row[3] == "msd_hippocampus" and row[2] == "test")
    assert (
        main(
            [
                "train",
                "pnet_msa",
                "--preset",
                "joint-small",
                "--config",
                str(folder / "quick.json"),
                "--cases",
                str(data / "cases.csv"),
                "--datasets",
                "msd_hippocampus",
                "--max-cases",
                "8",
                "--epochs",
                "8",
                "--device",
                "cpu",
                "--out",
                str(folder / "out"),
                "--quiet",
            ]
        )
        == 0
    )
    return folder / "out" / "best.pt", data / held_out[0], data / held_out[1]


def segment(trained, out):
    model, image, _ = trained
    assert (
        main(
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
            ]
        )
        == 0
    )
    return out


def test_the_label_map_of_a_real_scan_lies_on_its_grid_and_on_the_structure(trained, tmp_path):
    _, image, truth = trained
    out = segment(trained, tmp_path / "found.nii.gz")
    written = sitk.ReadImage(str(out))
    scan = sitk.ReadImage(str(image))
    for part in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(
            getattr(written, part)(),
            getattr(scan, part)(),
            rtol=1e-5,
            atol=1e-4,
        )
    found = read(out) == 1
    shown = read(truth) > 0
    assert set(np.unique(read(out))) == {0, 1}
    assert 2 * (found & shown).sum() / (found.sum() + shown.sum()) > 0.6


def test_the_segmentation_of_a_real_scan_opens_in_slicers_reader_where_the_scan_is(
    trained,
    tmp_path,
):
    slicer = pytest.importorskip("slicer", reason="needs slicer-core, Slicer's MRML libraries")
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    image = trained[1]
    out = segment(trained, tmp_path / "found.seg.nrrd")
    flat = read(segment(trained, tmp_path / "found.nii.gz"))
    scene = slicer.vtkMRMLScene()
    storage = slicer.vtkMRMLSegmentationStorageNode()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Found")
    storage.SetFileName(str(out))
    scene.AddNode(storage)
    assert storage.ReadData(node)
    assert node.GetSegmentation().GetNumberOfSegments() == 1
    part = slicer.vtkOrientedImageData()
    corner = vtk.vtkMatrix4x4()
    assert node.GetBinaryLabelmapRepresentation(node.GetSegmentation().GetNthSegmentID(0), part)
    part.GetImageToWorldMatrix(corner)
    low = np.array(part.GetExtent())[::2]
    voxels = np.reshape(
        vtk_to_numpy(part.GetPointData().GetScalars()),
        np.array(part.GetDimensions())[::-1],
    )
    opened = sorted(
        np.round(corner.MultiplyPoint((*(index[::-1] + low), 1))[:3], 2).tolist()
        for index in np.argwhere(voxels)
    )
    scan = sitk.ReadImage(str(image))
    points = [
        np.array(scan.TransformIndexToPhysicalPoint(index[::-1].tolist())) * (-1, -1, 1)
        for index in np.argwhere(flat)
    ]  # files: left, posterior; scenes: right, anterior
    np.testing.assert_allclose(
        opened,
        sorted(np.round(point, 2).tolist() for point in points),
        atol=0.02,
    )
