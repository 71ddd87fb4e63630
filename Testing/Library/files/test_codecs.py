"""Whatever happens to the process that unpacks pixels, this one lives on and says so."""

import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from SlicePropagationLib.errors import InputError
from SlicePropagationLib.files import codecs
from SlicePropagationLib.files.codecs import CodecError, read_header, read_pixels, unpacking
from SlicePropagationLib.files.volume import read_volume

PIXELS = np.arange(600, dtype=np.uint16).reshape(20, 30)
READY = "import os, sys, time\nprint('{}', flush=True)\nsys.stdin.readline()\n"


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    sitk.WriteImage(sitk.GetImageFromArray(PIXELS), str(path))
    return path


@pytest.fixture
def stands_in(tmp_path, monkeypatch):
    """Another program in place of the one that unpacks; called with what it does with a file."""

    def instead(does):
        program = tmp_path / "stand_in.py"
        program.write_text(READY + does, encoding="utf-8")
        monkeypatch.setattr(codecs, "PROGRAM", program)

    with unpacking():
        yield instead


def test_pixels_come_as_they_are(picture):
    with unpacking():
        for _ in range(2):
            array, num_dimensions = read_pixels(picture)
            assert np.array_equal(array, PIXELS)
            assert num_dimensions == 2


@pytest.mark.parametrize(
    "does", ["os.abort()", "sys.exit(1)", "print('{\"shape\": [9', flush=True)"]
)
def test_a_file_that_it_does_not_outlive_is_named_and_the_next_one_is_read(
    picture, stands_in, monkeypatch, does
):
    with monkeypatch.context():
        stands_in(does)
        with pytest.raises(CodecError, match="damaged"):
            read_pixels(picture)
    monkeypatch.undo()
    assert np.array_equal(read_pixels(picture)[0], PIXELS)


@pytest.mark.parametrize("does", ["os.abort()", "print('{\"texts\"', flush=True)"])
def test_a_header_that_it_does_not_outlive_is_named_and_the_next_one_is_read(
    picture, stands_in, monkeypatch, does
):
    with monkeypatch.context():
        stands_in(does)
        with pytest.raises(CodecError, match="damaged"):
            read_header(picture, "PNGImageIO", [])
    monkeypatch.undo()
    header = read_header(picture, "PNGImageIO", ["0008|0060"])
    assert (header.texts, header.size, header.num_values) == ({}, (30, 20), 1)


def test_a_file_that_takes_too_long_is_damaged(picture, stands_in, monkeypatch):
    monkeypatch.setattr(codecs, "LIMIT_S", 0.5)
    stands_in("time.sleep(60)")
    with pytest.raises(CodecError, match="damaged"):
        read_pixels(picture)


def test_where_no_python_can_be_started_it_is_read_here(picture, monkeypatch):
    monkeypatch.setattr(codecs.sys, "executable", "/opt/Slicer/SlicerApp-real")
    assert np.array_equal(read_pixels(picture)[0], PIXELS)


def chunk(name, content):
    whole = name + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def test_a_picture_that_promises_more_than_it_can_hold_is_refused(tmp_path):
    path = tmp_path / "huge.png"
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(60001)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b""))
    with pytest.raises(InputError, match="promises 60000x60000"):
        read_volume(path, spacing_mm=(1, 1, 1))
