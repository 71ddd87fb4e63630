"""Unsaved work on a large volume is kept as what changed, and comes back as it was, voxel for voxel."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'browser'")

from kept_states import ENGINE, SEGMENTS, drawn, keep, numbers, state
from SlicePropagationWeb.kept_patches import LONGEST, PATCHES, RECORD
from SlicePropagationWeb.recovery import Recovery
from web_files import read_mask

from SlicePropagationLib.pipelines.history_text import encode_history

CHECKOUT = Path(__file__).resolve().parents[2]
SHAPE = (64, 512, 512)  # the smallest volume that counts as large
# A page draws in two segments that overlap, keeps its work after each act, writes down what its nodes hold
# then, and is killed before the last act is kept.
KILLED = """
import asyncio, json, os, signal, sys

import numpy as np
import slicer.util
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationWeb.opening import read_with_remarks
from SlicePropagationWeb.serve import prepare
from trame_slicer.segmentation import ModificationMode
from trame_slicer.utils import vtk_image_to_np

from SlicePropagationLib.pipelines.history_text import encode_history

image, out = sys.argv[1:]
asyncio.set_event_loop(asyncio.new_event_loop())
application, _ = prepare(image, out, "127.0.0.1")
controller, autosave = application.controller, application.autosave

def draw(mode, index, rows, columns):
    modifier = controller.editor.active_segment_modifier
    labelmap = modifier.create_modifier_labelmap()
    vtk_image_to_np(labelmap)[index, rows, columns] = 1
    modifier.apply_labelmap(labelmap, modification_mode=mode)
    application.workflow.logic.mergeEdits()

def keep(number):
    autosave._keep()
    if autosave._last is not None:
        autosave._last.result()
    masks = [segmentMask(controller.segmentation, each, controller.volume) for each in controller.segment_ids()]
    np.save(f"{out}/masks_{number}.npy", np.packbits(masks))

ADD, REMOVE = ModificationMode.Add, ModificationMode.Remove
with application.server.state:
    application.opened.show_volume(image, read_with_remarks(image)[0])
    controller.add()
    application.data.overwrite = "overlap"
    first, second = controller.segment_ids()
    controller.choose(first)
    application.workflow.logic.mergeEdits()
    draw(ADD, 20, slice(40, 90), slice(50, 99))
    keep(1)
    draw(ADD, 33, slice(1, 2), slice(0, 512))
    keep(2)
    controller.choose(second)
    draw(ADD, 20, slice(60, 200), slice(10, 77))
    keep(3)
    controller.choose(first)
    draw(REMOVE, 20, slice(44, 45), slice(0, 512))
    keep(4)
    draw(REMOVE, 33, slice(0, 9), slice(0, 512))
    keep(5)
    with open(f"{out}/history.json", "w") as file:
        json.dump(encode_history(application.workflow.session.snapshot().history), file)
    autosave.journal.forget()  # nothing but the files is looked at below
    autosave.journal.end()
    print(sorted(path.name for path in application.workspace.recovery.folder.glob("0*")), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
RESTORED = """
import asyncio, sys

import numpy as np
from SlicePropagationMRML.nodes.geometry import segmentMask
from SlicePropagationWeb.opening import read_with_remarks
from SlicePropagationWeb.serve import prepare
from SlicePropagationWeb.unsaved_work import _read_kept

out = sys.argv[1]
asyncio.set_event_loop(asyncio.new_event_loop())
application, _ = prepare(None, out)
controller = application.controller
offer = application.workspace.recovery.offered()
with application.server.state:
    volume, remarks = read_with_remarks(offer["image"])
    application.opened.restore(offer, volume, _read_kept(offer["labels"], volume), remarks)
    masks = [segmentMask(controller.segmentation, each, controller.volume) for each in controller.segment_ids()]
    np.save(f"{out}/restored.npy", np.packbits(masks))
    print([cell["kind"] for cell in application.data.cells])
    application.close()
"""


def run(script, *words):
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "SlicePropagation")]),
    }
    words = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.run(words, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of results of a page that was killed."""
    folder = tmp_path_factory.mktemp("killed")
    voxels = np.zeros(SHAPE, np.int16)
    voxels[20:40, 100:300, 100:300] = 50
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((0.7, 0.7, 2.5))
    sitk.WriteImage(image, str(folder / "large.nrrd"))
    done = run(KILLED, folder / "large.nrrd", folder / "out")
    assert done.returncode == -signal.SIGKILL, done.stderr
    folders = [f"{number:08d}" for number in range(1, 6)]
    assert done.stdout.splitlines()[-1] == str(folders), "each act is kept as what changed"
    return folder / "out"


def restored(killed, tmp_path, *lost):
    """(masks after a restart, kinds of slices), with some of the files gone."""
    out = tmp_path / "out"
    shutil.copytree(killed, out)
    for number in lost:
        shutil.rmtree(out / "autosave" / f"{number:08d}")
    done = run(RESTORED, out)
    assert done.returncode == 0, done.stderr
    return np.load(out / "restored.npy"), done.stdout.splitlines()[-1]


def masks_of(killed, number):
    return np.load(killed / f"masks_{number}.npy")


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed so there")
def test_a_page_that_is_killed_comes_back_as_it_was(killed, tmp_path):
    masks, kinds = restored(killed, tmp_path)
    assert np.array_equal(masks, masks_of(killed, 5))
    assert not any(np.array_equal(masks, masks_of(killed, number)) for number in range(1, 5))
    assert "seed" in kinds


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed so there")
def test_where_one_file_is_lost_the_work_before_it_comes_back_and_no_mixture(killed, tmp_path):
    masks, _ = restored(killed, tmp_path, 3)
    assert np.array_equal(masks, masks_of(killed, 2))


@pytest.mark.skipif(os.name == "nt", reason="nothing is killed so there")
def test_what_a_killed_page_left_becomes_a_result_with_all_of_its_history(killed, tmp_path):
    shutil.copytree(killed / "autosave", tmp_path / "autosave")
    records = [json.loads(path.read_text()) for path in tmp_path.glob(f"autosave/0*/{RECORD}")]
    counts = [len(record["history"]) for record in records]
    assert Recovery(tmp_path / "autosave").move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    history = json.loads((tmp_path / "unsaved.json").read_text())["history"]
    assert history == json.loads((killed / "history.json").read_text())
    assert len(counts) == 5
    assert sum(counts) == len(history), "an event stands in more records than one"


class Work:
    """A session that somebody draws in, and what keeps it."""

    def __init__(self, folder):
        self.volume, self.session = state(0)
        self.recovery = Recovery(folder, patched_voxels=0)

    def keep(self):
        """Keep it; returns how many events the record has that is written for it."""
        self.recovery.keep(self.volume, self.session, SEGMENTS, ENGINE)
        labels = Path(self.recovery.found()["labels"])
        return len(json.loads(labels.with_name(RECORD).read_text())["history"])

    def draw(self, rows):
        """A stroke, which can be undone."""
        mask = np.zeros(self.session.stack.slice_shape, bool)
        mask[:rows] = True
        self.session.annotate(1, 2, mask)

    def written(self, folder):
        """The history that the record has once the work became a result."""
        self.recovery.move_to(folder, "unsaved")
        return json.loads((folder / "unsaved.json").read_text())["history"]


def test_a_record_has_the_events_since_the_one_before_however_many_there_were(tmp_path):
    work = Work(tmp_path / "autosave")
    counts = [work.keep()]
    for rows in range(1, 12):
        work.draw(rows)
        counts.append(work.keep())
    assert counts == [1] * 12
    assert work.written(tmp_path) == encode_history(work.session.history)


def test_events_that_were_undone_do_not_come_back(tmp_path):
    work = Work(tmp_path / "autosave")
    for rows in (1, 2, 3):
        work.draw(rows)
    work.keep()
    work.session.undo()
    work.session.undo()
    assert work.keep() == 0
    work.draw(7)
    assert work.keep() == 1
    history = encode_history(work.session.history)
    assert work.written(tmp_path) == history
    assert len(history) == 3


def test_records_of_an_earlier_version_have_all_of_the_history_each(tmp_path):
    work = Work(tmp_path / "autosave")
    work.keep()
    work.draw(4)
    work.keep()
    for number, path in enumerate(sorted(tmp_path.glob(f"autosave/0*/{RECORD}")), 1):
        record = json.loads(path.read_text())
        del record["events_before"]
        record["history"] = encode_history(work.session.history[:number])
        path.write_text(json.dumps(record))
    assert work.written(tmp_path) == encode_history(work.session.history)


def test_a_file_holds_what_changed_and_a_long_chain_begins_anew(tmp_path):
    recovery = Recovery(tmp_path, patched_voxels=0)
    for number in range(LONGEST):
        keep(recovery, number)
    assert len(list(tmp_path.iterdir())) == LONGEST
    assert numbers(recovery.found())[1:] == ((LONGEST - 1) % 30,) * 2
    keep(recovery, 7)
    assert [path.name for path in tmp_path.iterdir()] == [f"{LONGEST + 1:08d}"]
    assert numbers(recovery.found()) == (7, 7, 7)


def test_a_damaged_file_of_patches_counts_as_not_kept(tmp_path):
    recovery = Recovery(tmp_path, patched_voxels=0)
    keep(recovery, 1)
    keep(recovery, 2)
    path = tmp_path / "00000002" / PATCHES
    path.write_text(path.read_text(encoding="utf-8").replace('"top":0', '"top":1'), "utf-8")
    assert numbers(recovery.found()) == (1, 1, 1)


def test_unsaved_work_kept_as_patches_becomes_result_files(tmp_path):
    recovery = Recovery(tmp_path / "autosave", patched_voxels=0)
    keep(recovery, 3)
    keep(recovery, 8)
    assert recovery.move_to(tmp_path, "unsaved") == "unsaved.seg.nrrd"
    assert drawn(tmp_path / "unsaved.seg.nrrd") == 8
    whole = Recovery(tmp_path / "other")
    keep(whole, 8)
    found = sitk.ReadImage(str(tmp_path / "unsaved.seg.nrrd"))
    expected = sitk.ReadImage(whole.found()["labels"])
    assert np.array_equal(
        read_mask(tmp_path / "unsaved.seg.nrrd"), read_mask(whole.found()["labels"])
    )
    fields = [key for key in expected.GetMetaDataKeys() if key.startswith("Segment0_")]
    assert {key: found.GetMetaData(key) for key in fields} == {
        key: expected.GetMetaData(key) for key in fields
    }
    assert recovery.found() is None
    tables = [tmp_path / "unsaved.slices.csv", tmp_path / "other/00000001/annotation.slices.csv"]
    assert tables[0].read_text() == tables[1].read_text()


def test_whole_files_of_an_earlier_version_are_read_and_give_way(tmp_path):
    keep(Recovery(tmp_path), 4)  # as all work was kept before
    recovery = Recovery(tmp_path, patched_voxels=0)
    assert numbers(recovery.found()) == (4, 4, 4)
    keep(recovery, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["00000002"]
    assert numbers(recovery.found()) == (5, 5, 5)
