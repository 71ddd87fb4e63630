"""Networks that see slices upright give the same, however a volume is stored."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

torch = pytest.importorskip("torch")

from phantoms import disc

from SlicePropagationLib.engines.registration.voxelmorph import VoxelMorphEngine
from SlicePropagationLib.engines.slice.slice_unet import SliceUNetEngine
from SlicePropagationLib.files.sequence import Sequence, time_stacks
from SlicePropagationLib.files.volume import Volume
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph
from SlicePropagationLib.networks.slice.config import GuidedUNetConfig
from SlicePropagationLib.networks.slice.guided_unet import GuidedUNet
from SlicePropagationLib.propagation import plan_session, propagate
from SlicePropagationLib.session import AnnotationSession

SHAPE = (8, 40, 44)  # axial slices, rows towards the back, columns towards the left
DRAWN = 4
STORAGES = ("RAS", "LAI", "PLS", "SAR", "IPL")


@pytest.fixture(scope="module")
def scan():
    """(image, truth) of a textured disc that drifts."""
    truth = np.zeros(SHAPE, bool)
    for index in range(SHAPE[0]):
        truth[index] = disc(SHAPE[1:], (16 + index, 20), 8)
    noise = np.random.default_rng(0).normal(0, 8, SHAPE)
    return (60.0 * truth + noise).astype(np.float32), truth


def lively_engine(is_upright):
    """With random weights, which change what registration says by what lies where."""
    torch.manual_seed(3)
    network = GuidedUNet(GuidedUNetConfig(base_channels=4, depth=2, is_upright=is_upright))
    torch.nn.init.normal_(network.unet.head.weight, std=3.0)
    return SliceUNetEngine(network)


def stored(array, letters):
    """An array as an image whose voxels are stored in another order."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.0, 3.0))
    return sitk.DICOMOrient(image, letters)


def lively_voxelmorph():
    """With random weights, which move pixels by what lies where."""
    torch.manual_seed(3)
    network = VoxelMorph(VoxelMorphConfig(is_upright=True))
    torch.nn.init.normal_(network.velocity.weight, std=3.0)
    return VoxelMorphEngine(network)


def found_in(scan, letters, engine):
    """What an engine finds in a volume that is stored so, in the order of `scan`."""
    image, truth = scan
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[DRAWN] = truth[DRAWN]
    kept = stored(image, letters)
    volume = Volume(sitk.GetArrayFromImage(kept), kept, Path("scan.nrrd"))
    stack = volume.stack(volume.array.shape.index(SHAPE[0]))
    masks = stack.from_volume_array(sitk.GetArrayFromImage(stored(drawn, letters)) > 0)
    index = int(np.flatnonzero(masks.any(axis=(1, 2)))[0])
    session = AnnotationSession(stack, (1,))
    session.annotate(1, index, np.ascontiguousarray(masks[index]))
    for _ in propagate(session, engine, plan_session(session)):
        pass
    whole = np.ascontiguousarray(stack.to_volume(session.masks(1)), np.uint8)
    found = sitk.GetImageFromArray(whole)
    found.CopyInformation(kept)
    return sitk.GetArrayFromImage(sitk.DICOMOrient(found, "LPS")) > 0


@pytest.mark.parametrize("letters", STORAGES)
def test_it_does_not_matter_how_a_volume_is_stored(scan, letters):
    usual = found_in(scan, "LPS", lively_engine(is_upright=True))
    assert dice(found_in(scan, letters, lively_engine(is_upright=True)), usual) > 0.995


def test_a_network_that_learnt_slices_as_they_are_stored_sees_them_so(scan):
    usual = found_in(scan, "LPS", lively_engine(is_upright=False))
    assert dice(found_in(scan, "RAS", lively_engine(is_upright=False)), usual) < 0.99


@pytest.mark.parametrize("letters", STORAGES)
def test_it_does_not_matter_to_voxelmorph_either(scan, letters):
    engine = lively_voxelmorph()
    usual = found_in(scan, "LPS", engine)
    assert dice(found_in(scan, letters, engine), usual) > 0.999


def test_slices_along_time_know_how_they_lie_too(scan):
    image, _ = scan
    frames = np.stack([sitk.GetArrayFromImage(stored(image, "RAS"))] * 2)
    sequence = Sequence(frames, stored(image, "RAS"), 1.0, Path("cine.nii"))
    assert {stack.towards for _, stack in time_stacks(sequence)} == {"SAR"}
