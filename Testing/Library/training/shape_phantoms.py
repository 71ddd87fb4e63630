"""Two labelled ellipsoids with a core, on disk, and the trainings at their size."""

from dataclasses import replace
from importlib import import_module

import numpy as np
from case_files import write

from SlicePropagationLib.files.training_cases import TrainingCase
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.training import TASKS
from SlicePropagationLib.training.acnn.degradation import AffineConfig
from SlicePropagationLib.training.acnn.presets import PredictorTraining, on_grid

GRID = FineGridConfig((12, 24, 24), (1.0, 1.0, 1.0), 4)
STILL = AffineConfig(
    turn=2.0,
    tilt=0.0,
    scale=0.02,
    shift=0.01,
)
SHELL = 1
CORE = 2


def ellipsoid(shape, centre, radii):
    """(N, H, W) bool."""
    axes = np.ogrid[tuple(slice(size) for size in shape)]
    triples = zip(axes, centre, radii, strict=True)
    return sum(((axis - middle) / radius) ** 2 for axis, middle, radius in triples) <= 1


def shape_arrays(number):
    """((16, 28, 28) int16 image, uint8 labels) of one phantom.

    The second is longer and narrower.
    """
    radii = ((4.5, 8, 7), (5.5, 6, 9))[number % 2]
    labels = SHELL * ellipsoid((16, 28, 28), (7.5, 14, 13), radii).astype(np.uint8)
    labels[ellipsoid((16, 28, 28), (7.5, 14, 13), [radius - 2 for radius in radii])] = CORE
    noise = np.random.default_rng(number).normal(0, 3, labels.shape)
    image = np.array((0, 60, 120))[labels] + noise
    return image.astype(np.int16), labels


def shape_cases(folder, count=2, spacing=(1.0, 1.0, 1.0)):
    """TrainingCases on disk."""
    cases = []
    for number in range(count):
        place = folder / f"shape{number}"
        place.mkdir(exist_ok=True)
        image, labels = shape_arrays(number)
        image_path = str(write(place / "image.nii.gz", image, spacing=spacing))
        label_path = str(write(place / "label.nii.gz", labels, spacing=spacing))
        cases.append(TrainingCase(image_path, label_path, "shapes", f"shape{number}", "train"))
    return cases


def write_table(path, cases, splits, names=None):
    """A table of cases with a split each, under their own names where none are given."""
    rows = ["image,label,split,dataset,case"]
    chosen = names or [case.name for case in cases]
    for case, split, name in zip(cases, splits, chosen, strict=True):
        rows.append(f"{case.image},{case.label_map},{split},shapes,{name}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def small(task, preset="default", epochs=10, labels=(SHELL, CORE), prior=""):
    """A preset at the size of the phantoms."""
    training = on_grid(import_module(TASKS[task]).PRESETS[preset], GRID, 32)
    network = training.task.network
    width = {"base_channels": 8}
    if isinstance(training, PredictorTraining):
        network = replace(network, autoencoder=replace(network.autoencoder, **width), **width)
    else:
        network = replace(network, **width)
    loop = replace(
        training.loop,
        epochs=epochs,
        learning_rate=0.01,
        schedule="cosine",
        precision="32-true",
        batch_size=2,
    )
    training = replace(
        training,
        loop=loop,
        passes=10,
        task=replace(training.task, network=network, augmentation=STILL),
    )
    training = training.with_labels(labels) if labels else training
    return training.with_prior(prior) if prior else training
