"""A second image of the same patient, by mouse and key: seen under the segmentation, and nothing else."""

import numpy as np
import pytest
import SimpleITK as sitk
from at_the_page import SEED, seed, wait_for_message
from web_bench import sample_volume, wait_for

VIEWS = ("axial", "coronal", "sagittal")


@pytest.fixture
def images(bench):
    """A coarser image that lies elsewhere, and a label map, where the page finds them."""
    volume = sample_volume()[0]
    image = sitk.GetImageFromArray(np.asarray(volume.array, np.float32))
    image.CopyInformation(volume.image)
    shrunk = sitk.Shrink(image, [2, 2, 2])[5:, 5:, :]
    folder = bench.out / "uploads"
    sitk.WriteImage(sitk.InvertIntensity(shrunk, 900), str(folder / "t2.nii.gz"))
    labels = sitk.GetImageFromArray((volume.array > 0).astype(np.uint8))
    labels.CopyInformation(volume.image)
    sitk.WriteImage(labels, str(folder / "organs.nii.gz"))
    yield folder
    bench.forget_files(folder)


def in_views(bench):
    """[(name of the volume on top, how opaque it is)] of the slice views."""

    def read():
        scene = bench.controller.volume.GetScene()
        found = []
        for plane in VIEWS:
            view = bench.application.views.view(plane)
            node = scene.GetNodeByID(view.get_foreground_volume_id() or "")
            found.append((node and node.GetName(), view.get_foreground_opacity()))
        return found

    return bench.call(read)


def choose(page, name):
    page.locator("[data-open=second]").get_by_text(name).click()


def test_a_second_image_is_blended_with_its_own_window_and_is_there_again_after_a_crash(
    page, bench, images
):
    seed(page, bench)
    first = list(bench.data.window)
    voxels = bench.image()
    page.click("[data-command=second]")
    choose(page, "organs.nii.gz")
    page.get_by_text("organs.nii.gz holds labels, and no image").first.wait_for()
    choose(page, "t2.nii.gz")
    wait_for_message(page, "t2.nii.gz is shown too")
    assert in_views(bench) == [("t2.nii.gz", 0.5)] * 3
    assert bench.data.window == first

    page.keyboard.press("b")
    wait_for(page, lambda: in_views(bench) == [("t2.nii.gz", 1.0)] * 3)
    page.get_by_label("Window", exact=True).fill("700")
    page.keyboard.press("Enter")
    wait_for(page, lambda: bench.data.window[0] == 700)
    page.keyboard.press("b")
    wait_for(page, lambda: bench.data.window == first)
    assert np.array_equal(bench.application.workflow.session.document.stack.images, voxels)

    recovery = bench.application.workspace.recovery
    wait_for(page, lambda: (recovery.found() or {}).get("second") == str(images / "t2.nii.gz"))
    drawn = bench.masks()
    # as after a crash: the sample is the page's own, and not a file
    offer = {**recovery.found(), "image": "sample"}
    bench.call(setattr, bench.data, "offer", offer)
    bench.call(bench.application.opened.restore, offer, *kept(offer))
    wait_for(page, lambda: in_views(bench)[0] == ("t2.nii.gz", 0.5))
    assert np.array_equal(bench.masks(), drawn)
    page.click("[data-command=remove_second]")
    wait_for(page, lambda: in_views(bench)[0][0] is None)
    assert bench.drawn_slices() == [SEED]


def kept(offer):
    """(volume, what is drawn on it) of unsaved work."""
    from SlicePropagationLib.files.segmentation_file import read_segmentation

    volume = sample_volume()[0]
    return volume, read_segmentation(offer["labels"], volume)
