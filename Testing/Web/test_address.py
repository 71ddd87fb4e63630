"""A person types the address of an image that is elsewhere, and sees it."""

import functools
import http.server
import threading

import numpy as np
import pytest
import SimpleITK as sitk
from web_bench import open_page, wait_for

pytest.importorskip("fsspec", reason="needs the extra 'remote'")

from SlicePropagationWeb.workspace import Workspace

from SlicePropagationLib.errors import InputError

SHAPE = (24, 96, 112)
FIRST_BYTES = 100_000  # of an answer, which come at once


class Elsewhere(http.server.SimpleHTTPRequestHandler):
    """Sends the first part of a file, and the rest when it is let go on."""

    goes_on = threading.Event()

    def copyfile(self, source, outputfile):
        outputfile.write(source.read(FIRST_BYTES))
        self.goes_on.wait(600)
        super().copyfile(source, outputfile)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Of the voxels of an image, on a server of this machine, which holds the rest of it back."""
    from SlicePropagationLib.files import unpacked

    monkeypatch.setenv(unpacked.FOLDER, str(tmp_path / "cache"))
    there = tmp_path / "there"
    there.mkdir()
    voxels = np.random.default_rng(0).integers(0, 900, SHAPE).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(there / "far.nrrd"))
    handler = functools.partial(Elsewhere, directory=str(there))
    Elsewhere.goes_on.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # who stops listening in the middle is no news
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/far.nrrd", voxels
        Elsewhere.goes_on.set()
        server.shutdown()


@pytest.fixture
def dialog(bench, browser):
    """The Open dialog on a page with the sample."""
    bench.open_sample()
    page = open_page(browser, bench.address)
    page.wait_for_selector("[data-slice]", state="attached")
    page.click("[data-command=open]")
    yield page
    page.close()


def open_address(page, text):
    page.locator("[data-address] input").fill(text)
    page.click("[data-command=fetch]")


def test_a_typed_address_is_fetched_with_its_progress_and_shown(bench, dialog, address):
    url, voxels = address
    open_address(dialog, url)
    dialog.locator(".v-dialog").get_by_text("Fetching the file").wait_for()
    assert bench.data.volume_name == "the sample"
    Elsewhere.goes_on.set()
    bench.wait_for_value(dialog, "volume_name", "far.nrrd")
    dialog.wait_for_selector("text=far.nrrd · 112×96×24 voxels")
    dialog.wait_for_selector(".v-dialog.v-overlay--active", state="detached")
    assert np.array_equal(bench.image(), voxels)
    assert bench.application.autosave.source == url
    wait_for(dialog, lambda: dialog.evaluate(NUM_GREYS) > 50)


# How many greys the large view's picture has: noise has many, and an empty view has none.
NUM_GREYS = """() => {
  const picture = document.querySelector(".remote-controlled-area img.image-display-area");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
  if (!canvas.width) return 0;
  const brush = canvas.getContext("2d");
  brush.drawImage(picture, 0, 0);
  const [x, y, side] = [canvas.width / 2 - 50, canvas.height / 2 - 50, 100];
  return new Set(brush.getImageData(x, y, side, side).data.filter((_, at) => at % 4 === 0)).size;
}"""


def test_what_is_wrong_with_an_address_is_said_in_the_dialog_which_stays(bench, dialog, address):
    url, _ = address
    wrong = url.replace("far", "near")
    open_address(dialog, wrong)
    dialog.locator(".v-dialog").get_by_text(f"There is no file {wrong}").wait_for()
    open_address(dialog, "file:///etc/hostname")
    dialog.locator(".v-dialog").get_by_text("type one that begins with http://").wait_for()
    open_address(dialog, url.replace("far.nrrd", "far.seg.nrrd"))
    dialog.locator(".v-dialog").get_by_text("is a segmentation; download it").wait_for()
    assert bench.data.volume_name == "the sample"
    dialog.get_by_text("Cancel", exact=True).click()


def test_cancel_waits_no_more_for_an_address_and_ends_the_fetching(
    bench, dialog, address, tmp_path
):
    open_address(dialog, address[0])
    dialog.locator(".v-dialog").get_by_text("Fetching the file").wait_for()
    copies = tmp_path / "cache"
    wait_for(dialog, lambda: any(copies.iterdir()))
    dialog.get_by_text("Cancel", exact=True).click()
    bench.wait_for_text(dialog, "Nothing was opened.")
    dialog.wait_for_selector(".v-dialog.v-overlay--active", state="detached")
    dialog.wait_for_selector(".sp-opening", state="hidden")
    assert not Elsewhere.goes_on.is_set()
    wait_for(dialog, lambda: not any(copies.iterdir()))  # though the server sends nothing
    Elsewhere.goes_on.set()
    assert bench.data.volume_name == "the sample"


def test_one_of_several_channels_is_chosen_in_the_dialog(bench, dialog, address, tmp_path):
    zarr = pytest.importorskip("zarr", reason="needs zarr, the extra 'zarr'")
    voxels = np.random.default_rng(0).integers(0, 900, (2, 7, 12, 9)).astype(np.uint16)
    group = zarr.open_group(str(tmp_path / "there/cells.ome.zarr"), mode="w", zarr_format=3)
    group.create_array("0", data=voxels, chunks=(1, 4, 12, 9))
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    steps = [{"type": "scale", "scale": [1, 2, 1, 1]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    colors = {"channels": [{"label": "nuclei"}, {"label": "membranes"}]}
    multiscales = [{"axes": axes, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales, "omero": colors}
    Elsewhere.goes_on.set()
    url = address[0].replace("far.nrrd", "cells.ome.zarr")
    open_address(dialog, url)
    says = "holds 2 channels (1: nuclei; 2: membranes); choose one in the list"
    dialog.locator(".v-dialog").get_by_text(says).wait_for()
    dialog.locator("[data-open=series]").filter(has_text="2: membranes").click()
    bench.wait_for_value(dialog, "volume_name", "cells.ome.zarr")
    assert np.array_equal(bench.image(), voxels[1])
    assert bench.application.autosave.series == "2"


@pytest.mark.parametrize(
    "text",
    ["file:///etc/hostname", "s3://bucket/x.nrrd", "http://", "http://a/b::file:///etc/hostname"],
)
def test_only_addresses_of_the_web_are_fetched(tmp_path, text):
    with pytest.raises(InputError, match="type one that begins with http"):
        Workspace(tmp_path, may_fetch=True).readable_url(text)


def test_a_page_without_a_token_or_for_other_machines_fetches_nothing(tmp_path):
    with pytest.raises(InputError, match="start the program with that URL"):
        Workspace(tmp_path).readable_url("https://host/image.nrrd")
