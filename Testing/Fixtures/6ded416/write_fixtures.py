"""Ran on commit 6ded416; it imports modules of then on purpose: renames must not touch it.

Writes all other files of this folder with the real code of that version. Run in a checkout of it:
`python Testing/Fixtures/6ded416/write_fixtures.py [PART ...]`; parts: inputs, page, slicer,
trainings, weights, commands.
"""

import contextlib
import csv
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
SOURCES = (".", "SlicePropagation", "Testing/Library", "Testing/MRML", "Testing/Web")
sys.path[:0] = [str(CHECKOUT / source) for source in SOURCES]

import numpy as np  # noqa: E402
import SimpleITK as sitk  # noqa: E402
from files import write  # noqa: E402
from phantoms import disc  # noqa: E402

from SlicePropagationLib.cli import main  # noqa: E402

SHAPE = (12, 28, 28)
FINE = (16, 28, 28)


# Inputs


def make_volume(seed=0):
    """(K, J, I) int16 image and uint8 labels of two discs that drift, on slices 2 to 9."""
    labels = np.zeros(SHAPE, np.uint8)
    for index in range(2, 10):
        labels[index][disc(SHAPE[1:], (10, 6 + index + seed), 5)] = 1
        labels[index][disc(SHAPE[1:], (21, 19 - index // 2), 3)] = 2
    noise = np.random.default_rng(seed).normal(0, 2, SHAPE)
    return (100 * (labels == 1) + 60 * (labels == 2) + noise).astype(np.int16), labels


def only(labels, *kept):
    """The labels on some slices or frames only."""
    seed = np.zeros_like(labels)
    seed[list(kept)] = labels[list(kept)]
    return seed


def make_cine(seed=0, count=6):
    """(T, 1, J, I) int16 image and uint8 truth of a disc that shrinks and grows again."""
    radii = 7 + 2 * np.cos(2 * np.pi * np.arange(count) / count)
    truth = np.stack([disc((32, 32), (16, 15 + seed), radius) for radius in radii])[:, None]
    noise = np.random.default_rng(seed).normal(0, 2, truth.shape)
    return (100 * truth + noise).astype(np.int16), truth.astype(np.uint8)


def make_shape(seed=0):
    """(K, J, I) int16 image and uint8 labels of an ellipsoid with a core."""
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in FINE), indexing="ij"))
    centre = np.array((7.5, 14, 13)).reshape(3, 1, 1, 1)
    labels = np.zeros(FINE, np.uint8)
    for label, radii in ((1, (5 + seed, 8 - seed, 8)), (2, (3, 5, 5))):
        scaled = (grid - centre) / np.reshape(radii, (3, 1, 1, 1))
        labels[(scaled**2).sum(axis=0) <= 1] = label
    noise = np.random.default_rng(seed).normal(0, 2, FINE)
    return (np.array((0, 60, 120))[labels] + noise).astype(np.int16), labels


def write_4d(path, array):
    """Write a (T, K, J, I) array."""
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing((1.0, 1.0, 8.0, 1.0))
    sitk.WriteImage(image, str(path))


def write_inputs():
    """The images that everything else is about, and what a person drew on them."""
    image, labels = make_volume()
    write("image.nii.gz", image)
    write("truth.nii.gz", labels)
    write("seed.nii.gz", only(labels, 5))
    cine, truth = make_cine()
    write_4d("cine.nii.gz", cine)
    write_4d("cine_seed.nii.gz", only(truth, 0, 3))
    write("thick.nii.gz", make_shape()[0][4::4], spacing=(1.0, 1.0, 4.0))
    write("thick_labels.nii.gz", make_shape()[1][4::4], spacing=(1.0, 1.0, 4.0))


# The page


class Page:
    """The page's program in this process, without a browser; commands are given on its thread."""

    def __init__(self, out):
        from web_bench import Bench

        self.bench = Bench(out)
        self.application = self.bench.application
        self.flow = self.application.workflow

    def call(self, function, *arguments):
        """Run a function on the server's thread."""
        return self.bench.call(function, *arguments)

    def wait(self, condition):
        """Wait until a condition holds."""
        for _ in range(600):
            if self.call(condition):
                return
            time.sleep(0.1)
        raise TimeoutError(self.application.data.message)

    def open(self, name):
        """Open an image as `app IMAGE` does."""
        application = self.application
        loading = application._load_file(name, name)
        self.call(application._soon, loading)
        self.wait(lambda: application.data.volume_name == name and not application.data.loading)

    def draw(self, index, mask):
        """Make a slice of the chosen segment show a mask: an undo step, then strokes."""
        self.call(self._draw, index, mask)
        self.call(self.flow.take_over_strokes)
        self.call(self.flow._worked)

    def _draw(self, index, mask):
        from SlicePropagationMRML.commit import writeSegment
        from SlicePropagationMRML.geometry import segmentMask

        desk = self.application.desk
        segment = desk.chosen_id()
        before = segmentMask(desk.segmentation, segment, desk.volume)
        wanted = before.copy()
        wanted[index] = mask
        desk.history.save()
        logic = desk.editor.editor_logic
        for voxels, is_removal in ((before & ~wanted, True), (wanted & ~before, False)):
            writeSegment(
                logic, desk.segmentation, segment, desk.volume, voxels, isRemoval=is_removal
            )

    def give(self, name, index=None):
        """Press the button of a command, on a slice."""
        if index is not None:
            self.call(self.flow.jump, index)
            self.wait(lambda: self.application.data.index == index)
        self.call(self.application._command, name)

    def propagate(self):
        """A run of the chosen segment to its end."""
        self.give("propagate")
        self.wait(lambda: self.application.data.message.startswith("Done"))
        print(self.application.data.message)

    def save(self, name, suffix):
        """The dialog Save; returns once the files are there."""
        data = self.application.data

        def begin():
            data.save_name = name
            data.save_suffix = suffix
            self.application._write()

        self.call(begin)
        self.wait(lambda: data.saved and not data.is_saving)


def write_page():
    """What the page keeps of unsaved work, and what it saves: both of the same work."""
    shutil.rmtree("page", ignore_errors=True)
    Path("page").mkdir()
    with tempfile.TemporaryDirectory() as folder:
        page = Page(folder)
        page.open("image.nii.gz")
        annotate_at(page)
        page.wait(lambda: is_kept(page, folder))
        time.sleep(1)
        shutil.copytree(Path(folder) / "autosave", "page/autosave")
        page.save("saved", ".seg.nrrd")
        page.save("labels", ".nii.gz")
        for path in Path(folder).glob("*.*"):
            if path.is_file():
                shutil.copy(path, "page")
        known = session_facts(page.flow.logic)
        known["plane"] = page.application.data.plane
        known["segment"] = page.application.data.segment_id
        page.bench.stop()
    return known


def annotate_at(page):
    """Two segments with every kind of slice, some of them out of date."""
    _, truth = make_volume()
    desk = page.application.desk
    page.call(desk.rename, desk.chosen_id(), "Disc")
    page.call(desk.add)
    first, second = page.call(desk.segment_ids)
    page.call(desk.rename, second, "Small disc")
    page.call(page.flow.choose_segment, first)
    page.application.data.auto_update = False
    page.application.data.engine = "registration"
    page.draw(5, disc(SHAPE[1:], (10, 11), 4))
    page.propagate()
    page.draw(8, truth[8] == 1)
    page.propagate()
    page.give("confirm", 6)
    page.give("empty", 11)
    page.call(page.flow.choose_segment, second)
    page.application.data.engine = "copy"
    page.draw(4, truth[4] == 2)
    page.propagate()
    page.give("empty", 10)
    page.call(page.flow.choose_segment, first)
    page.draw(3, truth[3] == 1)


def is_kept(page, folder):
    """Whether the last correction has reached the disk."""
    found = page.application.workspace.kept.found()
    table = Path(found["labels"].replace(".seg.nrrd", ".slices.csv")) if found else None
    return bool(table) and any(
        row["slice"] == "3" and row["provenance"] == "correction" for row in rows_of(table)
    )


def session_facts(logic):
    """What a session knows: {segment: {"anchors", "provenance", "stale", "areas"}}."""
    session = logic.session
    known = {}
    for row, (label, segment_id) in enumerate(logic.document.segments.items()):
        known[segment_id] = {
            "name": logic.document.segmentName(label),
            "anchors": [int(index) for index in session.anchors(label)],
            "provenance": session.provenance[row].tolist(),
            "confidence": [
                None if np.isnan(value) else round(float(value), 4)
                for value in session.confidence[row]
            ],
            "stale": np.flatnonzero(session.stale(label)).tolist(),
            "areas": session.areas(label).tolist(),
        }
    return {"segments": known}


# Slicer


def write_slicer():
    """What Slicer's own nodes store of work that was done through the panel's logic."""
    shutil.rmtree("slicer", ignore_errors=True)
    Path("slicer").mkdir()
    return {"volume": write_volume_scene(), "sequence": write_sequence_scene()}


def make_logic(scene, app_logic):
    """The logic that panel and effect share, without an event loop."""
    from SlicePropagationMRML.commit import makeEditorLogic
    from SlicePropagationMRML.logic import PropagationLogic

    return PropagationLogic(scene, makeEditorLogic(scene, app_logic))


def stroke(logic, segment_id, index, mask):
    """Set one slice of a segment, as in the Segment Editor: an undo step, then a stroke."""
    from SlicePropagationMRML.commit import writeSegment
    from SlicePropagationMRML.geometry import segmentMask

    document = logic.document
    before = segmentMask(document.segmentationNode, segment_id, document.volumeNode)
    wanted = before.copy()
    wanted[index] = mask
    logic.editorLogic.SaveStateForUndo()
    nodes = (document.segmentationNode, segment_id, document.volumeNode)
    for voxels, is_removal in ((before & ~wanted, True), (wanted & ~before, False)):
        writeSegment(logic.editorLogic, *nodes, voxels, isRemoval=is_removal)
    logic.absorb()


def run(logic, *segment_ids, engine="registration"):
    """A run to its end."""
    logic.start(engine, segmentIDs=list(segment_ids))
    logic.runToEnd()


def write_volume_scene():
    """A volume and a segmentation, each in a file, and both in a scene."""
    from mrml_scene import makeScene, makeSegmentation, makeVolume

    scene, app_logic = makeScene()
    image, truth = make_volume()
    directions = [[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, -1.0]]
    volume = makeVolume(scene, image, (1.0, 1.5, 3.0), (5.0, -7.0, 11.0), directions)
    segmentation = makeSegmentation(scene, volume, ("disc", "small"))
    logic = make_logic(scene, app_logic)
    logic.open(volume, segmentation, ["disc", "small"])
    stroke(logic, "disc", 5, disc(SHAPE[1:], (10, 11), 4))
    run(logic, "disc")
    stroke(logic, "disc", 8, truth[8] == 1)
    run(logic, "disc")
    logic.confirm("disc", 6)
    logic.markEmpty("disc", 11)
    stroke(logic, "small", 4, truth[4] == 2)
    run(logic, "small", engine="copy")
    logic.markEmpty("small", 10)
    stroke(logic, "disc", 3, truth[3] == 1)
    known = session_facts(logic) | {"engine": "copy"}
    logic.cleanup()
    store(scene, volume, "vtkMRMLVolumeArchetypeStorageNode", "slicer/volume.nrrd")
    store(scene, segmentation, "vtkMRMLSegmentationStorageNode", "slicer/segmentation.seg.nrrd")
    bundle(scene, "slicer/scene.mrb")
    return known


def write_sequence_scene():
    """A sequence of volumes, its browser, and a segmentation that was carried to all frames."""
    import slicer
    from mrml_scene import makeScene, makeSegmentation, makeVolume

    scene, app_logic = makeScene()
    sequences = slicer.vtkSlicerSequencesLogic()
    sequences.SetMRMLApplicationLogic(app_logic)
    sequences.SetMRMLScene(scene)
    app_logic.SetModuleLogic("Sequences", sequences)
    cine, truth = make_cine(count=4)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("ms")
    for frame, image in enumerate(cine):
        volume = makeVolume(scene, image, (1.0, 1.2, 8.0), (5.0, -7.0, 11.0))
        sequence.SetDataNodeAtValue(volume, str(40 * frame))
        scene.RemoveNode(volume)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Cine browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    sequences.UpdateProxyNodesFromSequences(browser)
    volume = browser.GetProxyNode(sequence)
    segmentation = makeSegmentation(scene, volume, ("LV",))
    logic = make_logic(scene, app_logic)
    logic.open(volume, segmentation, ["LV"])
    stroke(logic, "LV", 0, truth[0, 0] > 0)
    logic.carry()
    logic.runToEnd()
    known = {"segment": "LV", "frames": frame_facts(browser, segmentation)}
    logic.cleanup()
    bundle(scene, "slicer/cine.mrb")
    return known


def frame_facts(browser, segmentation):
    """[{"tags", "area"}] of all frames of the segmentation that follows a browser."""
    from SlicePropagationMRML.geometry import segmentMask
    from SlicePropagationMRML.sequences import PROPAGATED_TAG
    from SlicePropagationMRML.tags import readTags

    sequence = browser.GetSequenceNode(segmentation)
    volumes = browser.GetMasterSequenceNode()
    facts = []
    for frame in range(sequence.GetNumberOfDataNodes()):
        node = sequence.GetNthDataNode(frame)
        segment = node.GetSegmentation().GetSegment("LV")
        facts.append(
            {
                "is_propagated": bool(segment.HasTag(PROPAGATED_TAG)),
                "slices": {
                    index: state[0] for index, state in readTags(node, "LV")["slices"].items()
                },
                "area": int(segmentMask(node, "LV", volumes.GetNthDataNode(frame)).sum()),
            }
        )
    return facts


def store(scene, node, kind, path):
    """Write a node to a file with a storage node of Slicer's."""
    storage = scene.AddNewNodeByClass(kind)
    storage.SetFileName(path)
    storage.SetUseCompression(1)
    assert storage.WriteData(node), path
    scene.RemoveNode(storage)


def bundle(scene, path):
    """Write a scene as one file."""
    import slicer

    scene.SetRootDirectory("")
    assert scene.WriteToMRB(str(Path(path).resolve()), None, slicer.vtkMRMLMessageCollection()), (
        path
    )


# Commands


def command(*arguments):
    """One command of the command line, which must work."""
    print("slice-propagation", " ".join(arguments))
    assert main([*arguments]) == 0


def write_commands():
    """Results of the command line, with names relative to this folder."""
    for folder in ("results", "batch", "evaluate", "pseudo"):
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir()
    image = ("--image", "image.nii.gz")
    drawn = (*image, "--seed", "seed.nii.gz")
    command(
        "propagate", *drawn, "--out", "results/out.nii.gz", "--engine", "registration", "--quiet"
    )
    command("propagate", *drawn, "--out", "results/copied.seg.nrrd", "--engine", "copy", "--quiet")
    earlier = ("--seed", "page/labels.nii.gz", "--anchors", "page/labels.slices.csv")
    command(
        "propagate",
        *image,
        *earlier,
        "--out",
        "results/gone_on.nii.gz",
        "--engine",
        "registration",
        "--quiet",
    )
    smooth = ("--engine", "registration", "--smooth", "weights/birnn.pt", "--device", "cpu")
    command("propagate", *drawn, "--out", "results/smoothed.nii.gz", *smooth, "--quiet")
    trained = ("--engine", "weights/voxelmorph.pt", "--device", "cpu")
    command("propagate", *drawn, "--out", "results/trained.nii.gz", *trained, "--quiet")
    write_batch()
    write_evaluation()
    cine = ("--image", "cine.nii.gz", "--seed", "cine_seed.nii.gz")
    command(
        "pseudo-label",
        *cine,
        "--out",
        "pseudo/labels.nii.gz",
        "--engine",
        "copy",
        "--soft",
        "--quiet",
    )
    command(
        "propagate",
        *cine,
        "--axis",
        "t",
        "--out",
        "results/cine.nii.gz",
        "--engine",
        "copy",
        "--quiet",
    )


def write_batch():
    """A batch of two cases."""
    table = "image,seed,out,axis,range\n../image.nii.gz,../seed.nii.gz,one.nii.gz,,\n"
    table += "../image.nii.gz,../seed.nii.gz,two.nii.gz,k,3:8\n"
    Path("batch/cases.csv").write_text(table, encoding="utf-8")
    command(
        "batch",
        "--cases",
        "batch/cases.csv",
        "--out",
        "batch/results",
        "--engine",
        "copy",
        "--quiet",
    )


def write_evaluation():
    """An evaluation of two engines without weights and one with."""
    table = "image,label,split,dataset,case\n../image.nii.gz,../truth.nii.gz,val,discs,one\n"
    Path("evaluate/cases.csv").write_text(table, encoding="utf-8")
    engines = "copy,interpolation,thesis=weights/slice_unet_thesis.pt"
    where = ("--cases", "evaluate/cases.csv", "--out", "evaluate/out")
    command(
        "evaluate", *where, "--engines", engines, "--shots", "1,2", "--device", "cpu", "--quiet"
    )
    for path in Path("evaluate/out").glob("*.png"):
        path.unlink()


# Trainings


LOOP = {
    "epochs": 3,
    "batches_per_epoch": 12,
    "batch_size": 2,
    "learning_rate": 0.02,
    "precision": "32-true",
}
SLICES = {"size": 16, "label": 1}
PLAIN = {"pairs": {"size": 16}, "task": {"network": {"base_channels": 2, "depth": 1}}}
GRID = {"shape": [12, 24, 24], "spacing_mm": [1.0, 1.0, 1.0], "factor": 4}
FRAMES = {"grid": {"size": 32, "pixel_mm": 0.0}}
UNET = {"out_channels": 2, "widths": [2, 3]}


def pnet(units=2, **network):
    """Settings of a network of single slices."""
    slices = {"size": 32, "label": 1} if units == 5 else SLICES
    return {"task": {"network": {"channels": 1, "num_units": units, **network}, "slices": slices}}


def acnn(**network):
    """Settings of a shape model or of a network from thick slices."""
    return {
        "passes": 8,
        "task": {"network": {"grid": GRID, "base_channels": 1, **network}},
        "loop": {"epochs": 10},
    }


TRAININGS = (  # weights, task, preset, settings, cases, further options
    (
        "slice_unet_guided",
        "slice_unet",
        "default",
        {
            "phantoms": 0,
            "pseudo_objects": 0,
            "steps": 2,
            "walks": {"axes": [0], "anchors": 2},
            "task": {"network": {"base_channels": 2, "depth": 1}},
            "loop": {"warmup_batches": 0, "averaging": 0.5},
        },
        "volumes",
        (),
    ),
    ("slice_unet_thesis", "slice_unet", "thesis", PLAIN, "volumes", ()),
    ("slice_unet_automatic", "slice_unet", "automatic", PLAIN, "volumes", ()),
    (
        "slice_unet_residual",
        "slice_unet",
        "thesis",
        {
            "pairs": {"size": 16},
            "task": {"network": {"base_channels": 2, "depth": 1, "is_residual": True}},
        },
        "volumes",
        (),
    ),
    (
        "slice_unet_injecting",
        "slice_unet",
        "basic-small",
        {
            "pairs": {"size": 16},
            "task": {"network": {"base_channels": 2, "depth": 1, "injects_mask": True}},
        },
        "volumes",
        (),
    ),
    (
        "voxelmorph",
        "registration",
        "default",
        {
            "pairs": {"size": 32, "furthest": 1},
            "task": {"network": {"encoder": [2, 2], "decoder": [2, 2], "final": [2]}},
        },
        "volumes",
        (),
    ),
    ("pnet_msa", "pnet_msa", "default", pnet(), "volumes", ()),
    ("pnet_direct", "pnet_msa", "direct", pnet(), "volumes", ()),
    ("pnet_plain", "pnet_msa", "pnet", pnet(), "volumes", ()),
    ("pnet_hnn", "pnet_msa", "hnn", pnet(5), "volumes", ()),
    ("pnet_unet", "pnet_msa", "unet", pnet(), "volumes", ()),
    (
        "pnet_birnn",
        "pnet_birnn",
        "default",
        {"task": {"length": 3}},
        "volumes",
        ("--init", "weights/pnet_msa.pt"),
    ),
    (
        "unet2d",
        "unet2d",
        "default",
        {
            "task": {
                "network": {"base_channels": 2, "depth": 1, "out_channels": 2},
                "frames": FRAMES,
            },
        },
        "cines",
        (),
    ),
    (
        "cine_unet",
        "cine_unet",
        "default",
        {"task": {"network": UNET, "frames": FRAMES}},
        "cines",
        (),
    ),
    (
        "cine_bilstm",
        "cine_bilstm",
        "default",
        {
            "task": {
                "network": {"unet": UNET, "hidden_channels": 1},
                "frames": {**FRAMES, "window": {"radius": 2}},
            },
        },
        "cines",
        ("--init", "weights/cine_unet.pt"),
    ),
    (
        "acnn_autoencoder",
        "acnn_autoencoder",
        "default",
        acnn(bottleneck_channels=2, code_size=4),
        "shapes",
        ("--labels", "1,2"),
    ),
    (
        "acnn_predictor",
        "acnn_predictor",
        "default",
        {
            "passes": 6,
            "task": {"network": {"autoencoder": {"grid": GRID}, "base_channels": 1}},
        },
        "shapes",
        ("--prior", "weights/acnn_autoencoder.pt"),
    ),
    (
        "acnn_segmentation",
        "acnn_segmentation",
        "default",
        acnn(),
        "shapes",
        ("--prior", "weights/acnn_autoencoder.pt"),
    ),
    (
        "acnn_annotation",
        "acnn_segmentation",
        "annotation-plain",
        acnn(),
        "shapes",
        ("--labels", "1,2"),
    ),
    ("acnn_unet", "acnn_segmentation", "unet", acnn(), "shapes", ("--labels", "1,2")),
    (
        "acnn_superresolution",
        "acnn_superresolution",
        "default",
        acnn(),
        "shapes",
        ("--prior", "weights/acnn_predictor.pt"),
    ),
)


def write_cases(folder):
    """{kind: table} of two cases of volumes, of cines and of shapes."""
    tables = {}
    for kind, make, save in (
        ("volumes", make_volume, write),
        ("cines", make_cine, write_4d),
        ("shapes", make_shape, write),
    ):
        lines = ["image,label,split,dataset,case"]
        for number, split in enumerate(("train", "val")):
            spacing = {"spacing": (1.0, 1.0, 1.0)} if kind == "shapes" else {}
            image, labels = make(number)
            labels = only(labels, 0, 3) if kind == "cines" else labels
            for name, array in (("image", image), ("label", labels)):
                save(folder / f"{kind}{number}_{name}.nii.gz", array, **spacing)
            lines.append(
                f"{kind}{number}_image.nii.gz,{kind}{number}_label.nii.gz,{split},made,p{number}"
            )
        tables[kind] = folder / f"{kind}.csv"
        tables[kind].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tables


def write_trainings():
    """Weights of every family, each the best of a short training on the command line."""
    Path("weights").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        tables = write_cases(folder)
        for name, task, preset, settings, kind, options in TRAININGS:
            (folder / "task.json").write_text(
                json.dumps({**settings, "loop": {**LOOP, **settings.get("loop", {})}}),
                encoding="utf-8",
            )
            out = folder / name
            if Path(f"weights/{name}.pt").is_file():
                continue
            command(
                "train",
                task,
                "--preset",
                preset,
                "--cases",
                str(tables[kind]),
                "--config",
                str(folder / "task.json"),
                "--out",
                str(out),
                "--device",
                "cpu",
                "--quiet",
                *options,
            )
            shutil.copy(out / "best.pt", f"weights/{name}.pt")
    write_half()
    write_interrupted()


def write_half():
    """Weights with 16 bits, as those that are shipped."""
    from SlicePropagationLib.checkpoint import load_checkpoint, save_checkpoint

    whole = load_checkpoint("weights/slice_unet_thesis.pt")
    save_checkpoint(
        "weights/half.pt",
        whole.family,
        whole.config,
        whole.weights,
        metrics=whole.metrics,
        is_half=True,
    )


def write_interrupted():
    """A smoother trained without a break, and the same training killed in its second epoch."""
    from SlicePropagationLib.cli import _parser
    from SlicePropagationLib.training.command import train

    shutil.rmtree("training", ignore_errors=True)
    Path("training").mkdir()
    Path("training/cases.csv").write_text(
        "image,label,split,dataset,case\n../image.nii.gz,../truth.nii.gz,train,discs,one\n"
        "../image.nii.gz,../truth.nii.gz,val,discs,two\n",
        encoding="utf-8",
    )
    loop = {"epochs": 3, "precision": "32-true", "averaging": 0.5}
    Path("training/task.json").write_text(json.dumps({"loop": loop}), encoding="utf-8")

    def arguments(out):
        return _parser().parse_args(
            [
                "train",
                "birnn",
                "--cases",
                "training/cases.csv",
                "--config",
                "training/task.json",
                "--out",
                out,
                "--device",
                "cpu",
            ]
        )

    def kill(text):
        print(text)
        if text.startswith("epoch 2 of 3"):
            raise KeyboardInterrupt

    train(arguments("training/whole"), print)
    with contextlib.suppress(KeyboardInterrupt):
        train(arguments("training/out"), kill)
    shutil.copy("training/whole/last.pt", "weights/birnn.pt")
    shutil.rmtree("training/whole")
    shutil.rmtree(
        "training/out/tensorboard", ignore_errors=True
    )  # its files are named after the machine


def describe_weights():
    """What the weights hold (expected.json), and what they compute (computed.npz)."""
    from SlicePropagationLib.checkpoint import load_checkpoint

    lines = []
    for path in sorted(Path("weights").glob("*.pt")):
        checkpoint = load_checkpoint(path)
        known = {
            "family": checkpoint.family,
            "sha256": checkpoint.sha256,
            "num_tensors": len(checkpoint.weights),
            "names": sorted(checkpoint.weights),
            "metrics": checkpoint.metrics,
            "config": checkpoint.config,
        }
        lines.append(f" {json.dumps(path.stem)}: {json.dumps(known)}")
    Path("weights/expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    computed = {}
    for path in sorted(Path("weights").glob("*.pt")):
        found = compute(path, load_checkpoint(path).family)
        for name, values in found.items():
            print(
                path.stem,
                name,
                values.shape,
                values.dtype,
                values.min(),
                values.max(),
                values.mean(),
            )
            computed[f"{path.stem}.{name}"] = values
    np.savez_compressed("weights/computed.npz", **computed)


def compute(path, family):
    """{what: array} that the weights make of the inputs beside them."""
    from SlicePropagationLib.engines import make_engine
    from SlicePropagationLib.planning import Run
    from SlicePropagationLib.segment import SEGMENTERS, load_segmenter
    from SlicePropagationLib.shape_model import load_shape_model
    from SlicePropagationLib.stack import SliceStack
    from SlicePropagationLib.superresolve import FAMILIES

    image, truth = make_volume()
    stack = SliceStack(image.astype(np.float32), (3.0, 1.5, 1.0))
    cine = SliceStack(make_cine()[0][:, 0].astype(np.float32), (1.0, 1.0, 1.0), is_cyclic=True)
    thick = SliceStack(make_shape()[0][4::4].astype(np.float32), (4.0, 1.0, 1.0))
    anchors = {5: truth[5] == 1}
    if family in ("slice_unet.guided", "slice_unet.plain", "voxelmorph", "birnn"):
        engine = make_engine(f"copy+{path}" if family == "birnn" else str(path), "cpu")
        return {
            "walk": np.stack(list(engine.walk(stack, Run(5, (6, 7), 1), anchors))).astype(
                np.float32
            )
        }
    if family == "cine_bilstm":
        found = {"probability": load_segmenter(path, "cpu").probabilities(cine)[1][:2]}
        drawn = {0: make_cine()[1][0, 0] > 0}
        return found | {
            "walk": np.stack(list(make_engine(str(path), "cpu").walk(cine, Run(0, (1,), 1), drawn)))
        }
    if family in ("pnet", "pnet_birnn"):
        return {"probability": load_segmenter(path, "cpu").probability(stack.images)[5:7]}
    if family in ("acnn.autoencoder", "acnn.predictor"):
        model = load_shape_model(path)
        classes = make_shape()[1][2:14, 2:26, 2:26]
        found = {
            "code": model.code(classes),
            "probability": model.probabilities(model.code(classes))[:, 5:7],
        }
        if family == "acnn.predictor":
            found["image_code"] = model.code_of_image(
                make_shape()[0][2:14, 2:26, 2:26].astype(np.float32)
            )
        return found
    if family == "acnn.superresolution":
        return {"fine": load_segmenter(path, "cpu", FAMILIES).enhance(thick)[4:6]}
    if path.stem == "acnn_annotation":
        return {"labels": load_segmenter(path, "cpu").refine(thick, make_shape()[1][4::4])}
    seen = cine if family in ("unet2d", "cine_unet") else thick
    assert family in SEGMENTERS
    return {"labels": load_segmenter(path, "cpu").segment(seen)}


# All


def rows_of(path):
    """The rows of a table."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def remember(name, facts):
    """Write down what a later version must find, in expected.json."""
    path = Path("expected.json")
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    known[name] = facts
    lines = [f" {json.dumps(part)}: {json.dumps(known[part])}" for part in sorted(known)]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main_parts(parts):
    """Write the parts asked for, all of them by default."""
    os.chdir(HERE)
    from SlicePropagationLib import __version__

    remember("version", __version__)
    writers = {
        "inputs": write_inputs,
        "page": write_page,
        "slicer": write_slicer,
        "trainings": write_trainings,
        "weights": describe_weights,
        "commands": write_commands,
    }
    for name in parts or writers:
        facts = writers[name]()
        if facts is not None:
            remember(name, facts)


if __name__ == "__main__":
    main_parts(sys.argv[1:])
