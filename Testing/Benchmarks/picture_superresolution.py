"""Before and after pictures of `superresolve` in a 3D view.

Thick slices of a fine annotation, and what the command makes of them.

Usage: python Testing/Benchmarks/picture_superresolution.py --image I --labels L --label 1 --factor
    8 --out before_after.png [--model M.pt]
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from SlicePropagationLib.metrics import dice
from SlicePropagationLib.pipelines.superresolve_file import SuperresolveRequest, superresolve_file

SIZE = (700, 700)


def surface(mask, spacing_mm):
    """vtkPolyData of a (K, J, I) bool mask, voxel by voxel: nothing is smoothed."""
    image = vtk.vtkImageData()
    padded = np.pad(mask, 1).astype(np.uint8)
    image.SetDimensions(padded.shape[::-1])
    image.SetSpacing(spacing_mm[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(padded.ravel(), deep=True))
    edges = vtk.vtkDiscreteFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 1)
    edges.Update()
    return edges.GetOutput()


def renderer(mask, spacing_mm, title, viewport):
    """A view of a mask with its title."""
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputData(surface(mask, spacing_mm))
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(0.34, 0.71, 0.91)
    actor.GetProperty().SetInterpolationToFlat()
    text = vtk.vtkTextActor()
    text.SetInput(title)
    text.GetTextProperty().SetFontSize(22)
    text.SetPosition(18, 18)
    view = vtk.vtkRenderer()
    view.SetBackground(0.08, 0.09, 0.11)
    view.SetViewport(*viewport)
    view.AddActor(actor)
    view.AddViewProp(text)
    view.ResetCamera()
    camera = view.GetActiveCamera()
    camera.Elevation(-75)
    camera.Azimuth(20)
    camera.OrthogonalizeViewUp()
    view.ResetCamera()
    camera.Zoom(1.1)
    return view


def draw(path, views):
    """Write masks side by side: [(mask, spacing along K, J, I, title)]."""
    window = vtk.vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetMultiSamples(8)
    window.SetSize(SIZE[0] * len(views), SIZE[1])
    for number, (mask, spacing_mm, title) in enumerate(views):
        left = number / len(views)
        right = (number + 1) / len(views)
        window.AddRenderer(renderer(mask, spacing_mm, title, (left, 0, right, 1)))
    window.Render()
    grab = vtk.vtkWindowToImageFilter()
    grab.SetInput(window)
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputConnection(grab.GetOutputPort())
    writer.Write()


def thicken(path, factor, out):
    """Write every `factor`-th slice of a file, where it lies."""
    image = sitk.ReadImage(str(path))
    last = image.GetSize()[2] // factor * factor
    thick = image[:, :, factor // 2 : last : factor]
    sitk.WriteImage(thick, str(out))
    return sitk.GetArrayFromImage(image)[:last], thick.GetSpacing()[::-1]


def main(argv=None):
    """Run it from a shell."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--label", type=int, default=1)
    parser.add_argument("--factor", type=int, default=8)
    parser.add_argument("--model")
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        thicken(arguments.image, arguments.factor, folder / "image.nii.gz")
        truth, spacing = thicken(arguments.labels, arguments.factor, folder / "labels.nii.gz")
        request = SuperresolveRequest(
            image=folder / "image.nii.gz",
            labels=folder / "labels.nii.gz",
            out=folder / "fine.nii.gz",
            model=arguments.model,
            axis="k",
            factor=arguments.factor,
        )
        fine = superresolve_file(request)
        thick = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "labels.nii.gz")))
    truth, fine, thick = (array == arguments.label for array in (truth, fine, thick))
    steps = np.repeat(thick, arguments.factor, axis=0)
    thin = (spacing[0] / arguments.factor, *spacing[1:])
    draw(
        arguments.out,
        [
            (steps, thin, f"thick slices of {spacing[0]:g} mm, Dice {dice(steps, truth):.3f}"),
            (fine, thin, f"superresolve, Dice {dice(fine, truth):.3f}"),
            (truth, thin, f"truth, slices of {thin[0]:g} mm"),
        ],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
