"""Trained shape models: what a structure's shape can be.

An auto-encoder and a predictor of its code learnt it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.arrays import Labels, Slices, Spacing
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.acnn.autoencoder import CodePredictor, ShapeAutoencoder, TLNetwork
from SlicePropagationLib.networks.acnn.config import (
    AutoencoderConfig,
    PlaceConfig,
    PredictorConfig,
)
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network, load_checkpoint
from SlicePropagationLib.segmenters.acnn.fine_grid import (
    normalise_linearly,
    place_on_structure,
    to_classes,
)

AUTOENCODER = "acnn.autoencoder"
ON_STRUCTURE = PlaceConfig()
PREDICTOR = "acnn.predictor"


class ShapeModel:
    """An auto-encoder of label maps, frozen, and a predictor where the model file has one.

    Shapes are (D, H, W) uint8 classes on the model's grid.

    Attributes:
        autoencoder: the ShapeAutoencoder.
        predictor: the CodePredictor, or None.
        grid: the FineGridConfig that it works on.
        labels: the labels that it is about, in the order of its classes.
        sha256: hash of the model file.
        place: where the grid lay in the cases that it learnt from.
    """

    def __init__(
        self,
        autoencoder: ShapeAutoencoder,
        predictor: CodePredictor | None,
        labels: Sequence[int],
        sha256: str,
        place: PlaceConfig = ON_STRUCTURE,
    ):
        self.place = place
        self.autoencoder = autoencoder
        self.predictor = predictor
        self.labels = labels
        self.sha256 = sha256
        self.grid = autoencoder.config.grid
        for network in (autoencoder, predictor):
            if network is not None:
                network.eval().requires_grad_(False)

    @property
    def num_classes(self) -> int:
        """Background included."""
        return len(self.labels) + 1

    def one_hot(self, classes: Labels) -> torch.Tensor:
        """(1, num_classes, D, H, W) float of (D, H, W) classes."""
        numbers = torch.from_numpy(np.ascontiguousarray(classes)).long()
        return F.one_hot(numbers, self.num_classes).movedim(-1, 0)[None].float()

    def classes_of(
        self,
        labels: Labels,
        spacing_mm: Spacing,
        name: str,
        *,
        must_fit: bool = True,
    ) -> Labels:
        """(D, H, W) classes of a label map, on the model's grid about its structures.

        Args:
            labels: (N, H, W).
            spacing_mm: along N, H, W.
            name: of the case, for messages.
            must_fit: refuse a structure that the grid does not hold.

        Raises:
            InputError: there are none, or they must fit and do not.
        """
        classes = to_classes(labels, self.labels)
        placement = place_on_structure(self.grid, classes, spacing_mm, name, must_fit=must_fit)
        return placement.read_classes(classes, self.num_classes)

    @torch.no_grad()
    def code(self, classes: Labels) -> np.ndarray:
        """(code_size,) float32 code of (D, H, W) classes on the model's grid."""
        return self.autoencoder.encode(self.one_hot(classes))[0].numpy()

    @torch.no_grad()
    def code_of_image(self, image: Slices) -> np.ndarray:
        """(code_size,) float32 code predicted from an image, which is normalised linearly.

        Args:
            image: (D, H, W) on the model's grid.

        Raises:
            CheckpointError: the model has no predictor.
        """
        if self.predictor is None:
            raise CheckpointError(
                "This model has no predictor from images to codes; train one with"
                " `slice-propagation train acnn_predictor --prior`."
            )
        values = torch.from_numpy(normalise_linearly(image))
        return self.predictor(values[None, None])[0].numpy()

    @torch.no_grad()
    def probabilities(self, code: np.ndarray) -> np.ndarray:
        """(num_classes, D, H, W) float32 probabilities of the shape that a code stands for."""
        codes = torch.from_numpy(np.asarray(code, np.float32))[None]
        return self.autoencoder.decode(codes).softmax(dim=1)[0].numpy()

    def nearest_shape(self, classes: Labels) -> Labels:
        """(D, H, W) uint8: the shape that the code of a shape stands for, most probable classes."""
        return self.probabilities(self.code(classes)).argmax(axis=0).astype(np.uint8)

    def implausibility(self, classes: Labels) -> float:
        """Distance of a shape's code from the code of what it decodes to, ||f(y) - f(g(f(y)))||.

        0 for a shape that the model knows perfectly.

        The decoded shape is a label map again, most probable classes, because the encoder has
        learnt label maps. Whether it ranks shapes depends on how well the auto-encoder is trained:
        seconds of training on two phantoms are not enough for it.
        """
        apart = self.code(classes) - self.code(self.nearest_shape(classes))
        return float(np.linalg.norm(apart))

    def reconstruction_error(self, classes: Labels) -> float:
        """1 - the mean Dice of a shape's structures with what its code decodes to, in [0, 1].

        NaN for a shape without any.

        On hippocampi it ranks propagated masks by their Dice, which the distance of the codes
        hardly does (Testing/Reports/acnn/report.md).
        """
        decoded = self.nearest_shape(classes)
        scores = [
            dice(decoded == number, classes == number) for number in np.unique(classes) if number
        ]
        return 1 - float(np.mean(scores)) if scores else float("nan")


def load_shape_model(
    path: Path | str,
    *,
    needs_predictor: bool = False,
) -> ShapeModel:
    """The shape model in a model file of family acnn.autoencoder or acnn.predictor.

    Args:
        path: the model file.
        needs_predictor: refuse one without a predictor.

    Raises:
        CheckpointError: the file is missing, damaged, of another family, or lacks the predictor
            that is needed.
    """
    families = {PREDICTOR} if needs_predictor else {AUTOENCODER, PREDICTOR}
    checkpoint = load_checkpoint(path, families)
    try:
        labels = tuple(int(label) for label in checkpoint.config["labels"])
        place = config_from_dict(PlaceConfig, checkpoint.config.get("place", {}))
        network = _build(checkpoint)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The configuration in {path} is not one of family {checkpoint.family} ({error}); it is"
            " damaged or from another version."
        ) from error
    fill_network(network, checkpoint, path)
    if isinstance(network, ShapeAutoencoder):
        return ShapeModel(network, None, labels, checkpoint.sha256, place)
    return ShapeModel(network.autoencoder, network.predictor, labels, checkpoint.sha256, place)


def _build(checkpoint: Checkpoint) -> ShapeAutoencoder | TLNetwork:
    """The network, without its weights, that a checkpoint describes."""
    values = checkpoint.config["network"]
    if checkpoint.family == AUTOENCODER:
        return ShapeAutoencoder(config_from_dict(AutoencoderConfig, values))
    return TLNetwork(config_from_dict(PredictorConfig, values))
