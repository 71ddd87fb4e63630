"""The page opens the URL of an image that it is started with, and says what it opens no URL of."""

import functools
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'browser'")
pytest.importorskip("fsspec", reason="needs the extra 'remote'")
pytest.importorskip("aiohttp")

from SlicePropagationLib.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def url(tmp_path, monkeypatch):
    """Of an image, large enough to be mapped, on a server of this machine."""
    from SlicePropagationLib.files import mapped_file, unpacked

    monkeypatch.setattr(mapped_file, "MAPPED_BYTES", 0)
    monkeypatch.setenv(unpacked.FOLDER, str(tmp_path / "cache"))
    there = tmp_path / "there"
    there.mkdir()
    voxels = np.random.default_rng(0).integers(0, 900, (6, 12, 9)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(there / "image.nrrd"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(there))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/image.nrrd"
        server.shutdown()


# A page in a program of its own: a second one in this process would take the other tests' page apart.
SHOWN = """
import asyncio, sys

import numpy as np
from SlicePropagationWeb.opening import read_with_remarks
from SlicePropagationWeb.serve import prepare

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files import mapped_file

mapped_file.MAPPED_BYTES = 0  # the image counts as large
url, out = sys.argv[1:]
asyncio.set_event_loop(asyncio.new_event_loop())
application, _ = prepare(url, out, demands_token=False)
workspace = application.workspace
assert workspace.readable_volume(url) == (url, None)
try:
    workspace.readable_volume(url.replace("image", "other"))
except InputError as error:
    print(error)
volume, _ = read_with_remarks(url)
assert isinstance(volume.array, np.memmap)
with application.server.state:
    application.opened.show_volume(url, volume)
    print(application.data.volume_name)
    print(application.autosave.source)
print(application.controller.volume.GetImageData().GetDimensions())
application.autosave.close()
"""


def test_the_image_of_a_url_is_shown_and_no_other_url_is_opened(url, tmp_path):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "SlicePropagation")]),
    }
    words = [sys.executable, "-c", SHOWN, url, str(tmp_path / "out")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused, name, source, size = done.stdout.splitlines()[-4:]
    assert "is not the image that this page was started with" in refused
    assert name.endswith("/image.nrrd")
    assert source == url
    assert size == "(9, 12, 6)"


def test_what_is_opened_of_no_url_is_said(tmp_path):
    from SlicePropagationWeb.begun_reading import FirstImage
    from SlicePropagationWeb.start_checks import check_folders, check_readable, worklist_of

    with pytest.raises(ConfigError, match="--data is a folder of this machine"):
        check_folders("out", [tmp_path, "https://host/folder"])
    with pytest.raises(ConfigError, match="--out of the page is a folder of this machine"):
        check_folders("s3://bucket/results", [])
    with pytest.raises(ConfigError, match="A worklist is a table or a folder of this machine"):
        worklist_of(None, "https://host/cases.csv", [])
    with pytest.raises(ConfigError, match="fetch https://host/x.seg.nrrd first"):
        check_readable(FirstImage("sample"), "https://host/x.seg.nrrd")
