"""The four trainings of the anatomically constrained networks: which networks, on which grid, with which prior."""

from dataclasses import dataclass, field, replace

import torch

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.acnn.config import FineGridConfig
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.segmenters.acnn.shape_model import AUTOENCODER, PREDICTOR, load_shape_model
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset, check_labels
from SlicePropagationLib.training.acnn.tasks import (
    AutoencoderTask,
    AutoencoderTaskConfig,
    PredictorTask,
    PredictorTaskConfig,
    SegmentationTask,
    SubpixelTaskConfig,
    SuperresolutionTask,
)
from SlicePropagationLib.training.loop import LoopConfig, fit

PAPER_GRID = FineGridConfig()  # 120 x 120 x 60 at 1.25 x 1.25 x 2 mm, thick slices of 10 mm
SMALL_GRID = FineGridConfig(
    (24, 48, 48),
    (2.5, 2.5, 2.5),
    4,
)  # 48 x 48 x 24 for a CPU: 5 does not divide 24, so thick slices are four fine ones
SMALL_BOTTLENECK = 16  # times 8 cells: as many numbers as the paper's 125 cells


def _loop():
    """Fixed learning rate 1e-3, batches of 8, weight decay 5e-6, as in the paper, with Adam for its gradient descent."""
    return LoopConfig(
        epochs=200,
        batch_size=8,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=5e-6,
        schedule="constant",
    )


@dataclass(frozen=True)
class _ShapeTraining:
    """What the four trainings share.

    `task.labels` and the grid of `task.network` say what is learnt and where.
    """

    @property
    def grid(self):
        """The fine grid."""
        return self.task.network.grid

    def with_labels(self, labels):
        """The same for these labels."""
        return replace(self, task=replace(self.task, labels=tuple(labels)))

    def train(
        self,
        train_cases,
        val_cases,
        out,
        *,
        init=None,
        device="auto",
        workers=1,
        report=None,
    ):
        """Read the cases onto the grid, train, return the path of the best weights."""
        task = self.new_task(init)
        train_data, val_data = (
            ShapeDataset(
                cases,
                self.grid,
                task.config.labels,
                needs_fine_truth=self.needs_fine_truth,
                passes=passes,
            )
            for cases, passes in ((train_cases, self.passes), (val_cases, 1))
        )
        self._check_batch(len(train_data))
        return fit(task, train_data, val_data, self.loop, out, device=device, report=report)

    def _check_batch(self, num_samples):
        """Refuse batches of one whose coarsest level is one cell: batch normalisation has nothing to compare it with."""
        network = self.task.network
        batch = min(self.loop.batch_size, num_samples)
        if batch * network.num_cells == 1:
            few = (
                "loop.batch_size to at least 2"
                if num_samples > 1
                else "passes to at least 2, because there is one case only"
            )
            raise ConfigError(
                f"The grid {'x'.join(map(str, self.grid.shape))} leaves one cell at the coarsest"
                " level, and batches have one case, so that batch normalisation has nothing to"
                f" average over; set {few}, or choose a larger grid."
            )

    def _start(self, task, init):
        if init:
            fill_network(task.network, load_checkpoint(init, {task.family}), init)
        return task


@dataclass(frozen=True)
class _PriorTraining(_ShapeTraining):
    """A training that a shape model guides."""

    def with_prior(self, path):
        """The same with the shape model in this file."""
        return replace(self, prior=str(path))

    def _load_prior(self, *, needs_predictor=False):
        """The prior, which must be about the same grid and labels."""
        model = load_shape_model(self.prior, needs_predictor=needs_predictor)
        if model.grid != self.grid:
            raise ConfigError(
                f"The prior {self.prior} was made for the grid {_described(model.grid)}, this"
                f" training is for {_described(self.grid)}; choose the preset or the grid in"
                " --config that fits, or train a prior for this grid."
            )
        labels = self.task.labels or model.labels
        if labels != model.labels:
            raise ConfigError(
                f"The prior {self.prior} is about labels {_listed(model.labels)}, this training"
                f" about {_listed(labels)}; leave --labels out, or train a prior for these."
            )
        return model


@dataclass(frozen=True)
class AutoencoderTraining(_ShapeTraining):
    """Training of an auto-encoder of label maps.

    Attributes:
        task: the network and what it learns.
        passes: how often every case is seen in an epoch.
        loop: how long and how fast.
    """

    task: AutoencoderTaskConfig = field(default_factory=AutoencoderTaskConfig)
    passes: int = 1
    loop: LoopConfig = field(default_factory=_loop)
    needs_fine_truth = False

    def new_task(self, init=None):
        """The task at its beginning, with the weights of the model file `init` where one is given; CheckpointError where they do not fit."""
        check_labels(self.task.labels)
        torch.manual_seed(self.loop.seed)
        network = replace(self.task.network, num_classes=len(self.task.labels) + 1)
        return self._start(AutoencoderTask(replace(self.task, network=network)), init)


@dataclass(frozen=True)
class PredictorTraining(_PriorTraining):
    """Training of a predictor of the prior's code, alone and then together with the prior.

    Attributes:
        task: the network and what it learns.
        prior: model file of the auto-encoder to begin with.
        passes: how often every case is seen in an epoch.
        loop: how long and how fast.
    """

    task: PredictorTaskConfig = field(default_factory=PredictorTaskConfig)
    prior: str = ""
    passes: int = 1
    loop: LoopConfig = field(default_factory=_loop)
    needs_fine_truth = False

    @property
    def grid(self):
        """The fine grid."""
        return self.task.network.autoencoder.grid

    def new_task(self, init=None):
        """As `AutoencoderTraining.new_task`.

        ConfigError without a prior, or with one that does not fit.
        """
        if not self.prior:
            raise ConfigError(
                "The predictor learns the code of an auto-encoder; train one with"
                " `slice-propagation train acnn_autoencoder` and give its best.pt as --prior."
            )
        model = self._load_prior()
        torch.manual_seed(self.loop.seed)
        task = PredictorTask(
            replace(
                self.task,
                labels=model.labels,
                network=replace(self.task.network, autoencoder=model.autoencoder.config),
            )
        )
        task.network.autoencoder.load_state_dict(model.autoencoder.state_dict())
        return self._start(task, init)


@dataclass(frozen=True)
class _SubpixelTraining(_PriorTraining):
    """A training of a network from thick slices to the fine grid, which a prior may constrain: its attributes are those of the two below."""

    task: SubpixelTaskConfig = field(default_factory=SubpixelTaskConfig)
    prior: str = ""
    passes: int = 1
    loop: LoopConfig = field(default_factory=_loop)
    needs_fine_truth = True
    needs_predictor = False

    def new_task(self, init=None):
        """As `AutoencoderTraining.new_task`.

        ConfigError where the prior is missing, superfluous or does not fit.
        """
        _check_prior(
            self,
            *(
                (PREDICTOR, "acnn_predictor")
                if self.needs_predictor
                else (AUTOENCODER, "acnn_autoencoder")
            ),
        )
        model = self._load_prior(needs_predictor=self.needs_predictor) if self.prior else None
        labels = model.labels if model else self.task.labels
        check_labels(labels)
        torch.manual_seed(self.loop.seed)
        return self._start(self._constrained(replace(self.task, labels=labels), model), init)


@dataclass(frozen=True)
class SegmentationTraining(_SubpixelTraining):
    """Training of a network from thick slices to labels on the fine grid.

    Attributes:
        task: the network, how thick slices are made, and the weight of the prior.
        prior: model file of an auto-encoder (family acnn.autoencoder or acnn.predictor).
        passes: how often every case is seen in an epoch.
        loop: how long and how fast.
    """

    def _constrained(self, config, model):
        count = len(config.labels) + 1
        network = replace(
            config.network,
            in_channels=1 + count if config.gives_labels else 1,
            out_channels=count,
        )
        return SegmentationTask(replace(config, network=network), model and model.autoencoder)


@dataclass(frozen=True)
class SuperresolutionTraining(_SubpixelTraining):
    """Training of a network from thick slices to intensities on the fine grid.

    The labels only say where the structures are.

    Attributes:
        task: the network, how thick slices are made, and the weight of the prior.
        prior: model file of a predictor (family acnn.predictor).
        passes: how often every case is seen in an epoch.
        loop: how long and how fast.
    """

    needs_predictor = True

    def _constrained(self, config, model):
        network = replace(config.network, in_channels=1, out_channels=1)
        return SuperresolutionTask(
            replace(config, network=network, gives_labels=False),
            model and model.predictor,
        )


def on_small_grid(training):
    """The same on the small grid, with epochs of several passes: a CPU's data sets are small, and every epoch is validated and stored."""
    return replace(
        on_grid(training, SMALL_GRID, SMALL_BOTTLENECK),
        passes=8,
        loop=replace(training.loop, epochs=50),
    )


def on_grid(training, grid, bottleneck_channels=1):
    """The same on another grid, whose auto-encoder has that many maps at its bottleneck."""
    network = training.task.network
    changes = {"grid": grid, "bottleneck_channels": bottleneck_channels}
    if isinstance(training, PredictorTraining):
        network = replace(network, autoencoder=replace(network.autoencoder, **changes))
    else:
        network = replace(network, **changes)
    return replace(training, task=replace(training.task, network=network))


def _check_prior(training, family, task):
    if training.task.code_weight and not training.prior:
        raise ConfigError(
            "This preset constrains the network by a shape model, and none is given; train one"
            f" with `slice-propagation train {task}` and give its best.pt as --prior (family"
            f" {family}), or choose a preset without prior, such as plain."
        )
    if training.prior and not training.task.code_weight:
        raise ConfigError(
            f"The prior {training.prior} would not be used, because task.code_weight is 0 in this"
            " preset; leave --prior out, or choose a preset with prior."
        )


def _described(grid):
    return (
        f"{'x'.join(map(str, grid.shape))} at"
        f" {'x'.join(f'{spacing:g}' for spacing in grid.spacing_mm)} mm with {grid.factor} fine"
        " slices for a thick one"
    )


def _listed(labels):
    return ", ".join(map(str, labels))
