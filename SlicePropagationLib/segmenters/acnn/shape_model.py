"""Trained shape models: what a structure's shape can be, as an auto-encoder and a predictor of its code learnt it."""

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.metrics import dice
from SlicePropagationLib.networks.acnn.autoencoder import ShapeAutoencoder, TLNetwork
from SlicePropagationLib.networks.acnn.config import AutoencoderConfig, PredictorConfig
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.segmenters.acnn.fine_grid import (
    normalise_linearly,
    place_on_structure,
    to_classes,
)

AUTOENCODER = "acnn.autoencoder"
PREDICTOR = "acnn.predictor"


class ShapeModel:
    """An auto-encoder of label maps, frozen, and a predictor where the model file has one.

    Attributes:
        autoencoder: the ShapeAutoencoder.
        predictor: the CodePredictor, or None.
        grid: the FineGridConfig that it works on.
        labels: the labels that it is about, in the order of its classes.
        sha256: hash of the model file.
    """

    def __init__(self, autoencoder, predictor, labels, sha256):
        self.autoencoder = autoencoder
        self.predictor = predictor
        self.labels = labels
        self.sha256 = sha256
        self.grid = autoencoder.config.grid
        for network in (autoencoder, predictor):
            if network is not None:
                network.eval().requires_grad_(False)

    def one_hot(self, classes):
        """(1, num_classes, D, H, W) of (D, H, W) classes."""
        return (
            F.one_hot(torch.from_numpy(np.ascontiguousarray(classes)).long(), len(self.labels) + 1)
            .movedim(-1, 0)[None]
            .float()
        )

    def classes_of(self, labels, spacing_mm, name, *, must_fit=True):
        """(D, H, W) classes of an (N, H, W) label map, on the model's grid about its structures.

        InputError where there are none, or they must fit and do not.
        """
        classes = to_classes(labels, self.labels)
        return place_on_structure(
            self.grid,
            classes,
            spacing_mm,
            name,
            must_fit=must_fit,
        ).read_classes(classes, len(self.labels) + 1)

    @torch.no_grad()
    def code(self, classes):
        """(code_size,) float32 code of (D, H, W) classes on the model's grid."""
        return self.autoencoder.encode(self.one_hot(classes))[0].numpy()

    @torch.no_grad()
    def code_of_image(self, image):
        """(code_size,) float32 code predicted from a (D, H, W) image on the model's grid, normalised linearly.

        Raises:
            CheckpointError: the model has no predictor.
        """
        if self.predictor is None:
            raise CheckpointError(
                "This model has no predictor from images to codes; train one with"
                " `slice-propagation train acnn_predictor --prior`."
            )
        return self.predictor(torch.from_numpy(normalise_linearly(image))[None, None])[0].numpy()

    @torch.no_grad()
    def probabilities(self, code):
        """(num_classes, D, H, W) float32 probabilities of the shape that a code stands for."""
        return (
            self.autoencoder.decode(torch.from_numpy(np.asarray(code, np.float32))[None])
            .softmax(dim=1)[0]
            .numpy()
        )

    def nearest_shape(self, classes):
        """(D, H, W) uint8: the shape that the code of (D, H, W) classes stands for, most probable classes."""
        return self.probabilities(self.code(classes)).argmax(axis=0).astype(np.uint8)

    def implausibility(self, classes):
        """Distance of a shape's code from the code of what it decodes to, ||f(y) - f(g(f(y)))||.

        0 for a shape that the model knows perfectly.

        The decoded shape is a label map again, most probable classes, because the encoder has
        learnt label maps. Whether it ranks shapes
        depends on how well the auto-encoder is trained: seconds of training on two phantoms are not
        enough for it.
        """
        return float(np.linalg.norm(self.code(classes) - self.code(self.nearest_shape(classes))))

    def misfit(self, classes):
        """1 - the mean Dice of a shape's structures with what its code decodes to, in [0, 1].

        NaN for a shape without any.

        On hippocampi it ranks propagated masks by their Dice, which the distance of the codes
        hardly does
        (Testing/Reports/acnn/report.md).
        """
        decoded = self.nearest_shape(classes)
        scores = [
            dice(decoded == number, classes == number) for number in np.unique(classes) if number
        ]
        return 1 - float(np.mean(scores)) if scores else float("nan")


def load_shape_model(path, *, needs_predictor=False):
    """The shape model in a model file of family acnn.autoencoder or acnn.predictor.

    Raises:
        CheckpointError: the file is missing, damaged, of another family, or lacks the predictor
            that is needed.
    """
    checkpoint = load_checkpoint(path, {PREDICTOR} if needs_predictor else {AUTOENCODER, PREDICTOR})
    try:
        labels = tuple(int(label) for label in checkpoint.config["labels"])
        if checkpoint.family == AUTOENCODER:
            network = ShapeAutoencoder(
                config_from_dict(AutoencoderConfig, checkpoint.config["network"])
            )
        else:
            network = TLNetwork(config_from_dict(PredictorConfig, checkpoint.config["network"]))
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The configuration in {path} is not one of family {checkpoint.family} ({error}); it is"
            " damaged or from another version."
        ) from error
    fill_network(network, checkpoint, path)
    if checkpoint.family == AUTOENCODER:
        return ShapeModel(network, None, labels, checkpoint.sha256)
    return ShapeModel(network.autoencoder, network.predictor, labels, checkpoint.sha256)
