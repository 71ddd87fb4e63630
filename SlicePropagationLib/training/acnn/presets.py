"""The four trainings of the anatomically constrained networks.

They say which networks, on which grid, with which prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch

from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.networks.acnn.config import FineGridConfig, PlaceConfig
from SlicePropagationLib.segmenters.acnn.shape_model import (
    AUTOENCODER,
    PREDICTOR,
    ShapeModel,
    load_shape_model,
)
from SlicePropagationLib.training.acnn.shape_data import ShapeDataset, check_labels
from SlicePropagationLib.training.acnn.task_configs import (
    AutoencoderTaskConfig,
    PredictorTaskConfig,
    SubpixelTaskConfig,
)
from SlicePropagationLib.training.acnn.tasks import (
    AutoencoderTask,
    PredictorTask,
    SegmentationTask,
    SuperresolutionTask,
)
from SlicePropagationLib.training.contracts import Cases, Report
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.with_weights import with_weights

PAPER_GRID = FineGridConfig()  # 120 x 120 x 60 at 1.25 x 1.25 x 2 mm, thick slices of 10 mm
# 48 x 48 x 24 for a CPU: 5 does not divide 24, so thick slices are four fine ones
SMALL_GRID = FineGridConfig((24, 48, 48), (2.5, 2.5, 2.5), 4)
SMALL_BOTTLENECK = 16  # times 8 cells: as many numbers as the paper's 125 cells


def _loop() -> LoopConfig:
    """Fixed learning rate 1e-3, batches of 8, weight decay 5e-6, as in the paper.

    Adam takes the place of its gradient descent.
    """
    return LoopConfig(
        epochs=200,
        batch_size=8,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=5e-6,
        schedule="constant",
    )


AnyTraining = TypeVar("AnyTraining", bound="_ShapeTraining")


@dataclass(frozen=True)
class _ShapeTraining:
    """What the four trainings share.

    `task.labels` and the grid of `task.network` say what is learnt and where.
    """

    task: Any = None
    passes: int = 1
    loop: LoopConfig = field(default_factory=_loop)
    needs_fine_truth: ClassVar[bool] = False

    @property
    def grid(self) -> FineGridConfig:
        """The fine grid."""
        return self.task.network.grid

    def with_labels(self, labels: Sequence[int]) -> Self:
        """The same for these labels."""
        return replace(self, task=replace(self.task, labels=tuple(labels)))

    def train(
        self,
        train_cases: Cases,
        val_cases: Cases,
        out: Path,
        *,
        init: Path | str | None = None,
        device: str = "auto",
        workers: int = 1,
        report: Report = None,
    ) -> Path:
        """Read the cases onto the grid, train, return the path of the best weights."""
        task = self.new_task(init)
        labels = task.config.labels
        train_data = self._read(train_cases, labels, self.passes)
        val_data = self._read(val_cases, labels, 1)
        self._check_batch(len(train_data))
        return fit(
            task,
            train_data,
            val_data,
            self.loop,
            out,
            device=device,
            report=report,
        )

    def new_task(self, init: Path | str | None = None) -> Any:
        """The task at its beginning; see the subclasses."""
        raise NotImplementedError

    def _read(
        self,
        cases: Cases,
        labels: Sequence[int],
        passes: int,
    ) -> ShapeDataset:
        return ShapeDataset(
            cases,
            self.grid,
            labels,
            needs_fine_truth=self.needs_fine_truth,
            passes=passes,
            place=self.task.place,
        )

    def _check_batch(self, num_samples: int) -> None:
        """Refuse batches of one whose coarsest level is one cell.

        Batch normalisation has nothing to compare it with.
        """
        network = self.task.network
        batch = min(self.loop.batch_size, num_samples)
        if batch * network.num_cells == 1:
            few = "passes to at least 2, because there is one case only"
            if num_samples > 1:
                few = "loop.batch_size to at least 2"
            raise ConfigError(
                f"The grid {'x'.join(map(str, self.grid.shape))} leaves one cell at the coarsest"
                " level, and batches have one case, so that batch normalisation has nothing to"
                f" average over; set {few}, or choose a larger grid."
            )


@dataclass(frozen=True)
class _PriorTraining(_ShapeTraining):
    """A training that a shape model guides."""

    prior: str = ""

    def with_prior(self, path: Path | str) -> Self:
        """The same with the shape model in this file."""
        return replace(self, prior=str(path))

    def _load_prior(self, *, needs_predictor: bool = False) -> ShapeModel:
        """The prior, which must be about the same grid and labels."""
        model = load_shape_model(self.prior, needs_predictor=needs_predictor)
        if model.grid != self.grid:
            raise ConfigError(
                f"The prior {self.prior} was made for the grid {_described(model.grid)}, this"
                f" training is for {_described(self.grid)}; choose the preset or the grid in"
                " --config that fits, or train a prior for this grid."
            )
        if model.place != self.task.place:
            raise ConfigError(
                f"The prior {self.prior} knows shapes on grids that lie {_placed(model.place)}, this"
                f" training has grids {_placed(self.task.place)}; train both with the same preset,"
                " or the same task.place in --config."
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

    def new_task(self, init: Path | str | None = None) -> AutoencoderTask:
        """The task at its beginning, with the weights of the model file `init`.

        CheckpointError where they do not fit.
        """
        check_labels(self.task.labels)
        torch.manual_seed(self.loop.seed)
        network = replace(self.task.network, num_classes=len(self.task.labels) + 1)
        return with_weights(AutoencoderTask(replace(self.task, network=network)), init)


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

    @property
    def grid(self) -> FineGridConfig:
        """The fine grid."""
        return self.task.network.autoencoder.grid

    def new_task(self, init: Path | str | None = None) -> PredictorTask:
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
        network = replace(self.task.network, autoencoder=model.autoencoder.config)
        task = PredictorTask(replace(self.task, labels=model.labels, network=network))
        task.network.autoencoder.load_state_dict(model.autoencoder.state_dict())
        return with_weights(task, init)


@dataclass(frozen=True)
class _SubpixelTraining(_PriorTraining):
    """A training of a network from thick slices to the fine grid, which a prior may constrain.

    Its attributes are those of the two below.
    """

    task: SubpixelTaskConfig = field(default_factory=SubpixelTaskConfig)
    prior: str = ""
    passes: int = 1
    loop: LoopConfig = field(default_factory=_loop)
    needs_fine_truth: ClassVar[bool] = True
    needs_predictor: ClassVar[bool] = False

    def new_task(self, init: Path | str | None = None) -> SegmentationTask | SuperresolutionTask:
        """As `AutoencoderTraining.new_task`.

        ConfigError where the prior is missing, superfluous or does not fit.
        """
        _check_prior(self)
        model = self._load_prior(needs_predictor=self.needs_predictor) if self.prior else None
        labels = model.labels if model else self.task.labels
        check_labels(labels)
        torch.manual_seed(self.loop.seed)
        task = self._constrained(replace(self.task, labels=labels), model)
        return with_weights(task, init)

    def _constrained(
        self,
        config: SubpixelTaskConfig,
        model: ShapeModel | None,
    ) -> Any:
        """The task of a subclass."""
        raise NotImplementedError


@dataclass(frozen=True)
class SegmentationTraining(_SubpixelTraining):
    """Training of a network from thick slices to labels on the fine grid.

    Attributes:
        task: the network, how thick slices are made, and the weight of the prior.
        prior: model file of an auto-encoder (family acnn.autoencoder or acnn.predictor).
        passes: how often every case is seen in an epoch.
        loop: how long and how fast.
    """

    def _constrained(
        self, config: SubpixelTaskConfig, model: ShapeModel | None
    ) -> SegmentationTask:
        count = len(config.labels) + 1
        in_channels = 1 + count if config.gives_labels else 1
        network = replace(config.network, in_channels=in_channels, out_channels=count)
        prior = model.autoencoder if model else None
        return SegmentationTask(replace(config, network=network), prior)


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

    needs_predictor: ClassVar[bool] = True

    def _constrained(
        self, config: SubpixelTaskConfig, model: ShapeModel | None
    ) -> SuperresolutionTask:
        network = replace(config.network, in_channels=1, out_channels=1)
        prior = model.predictor if model else None
        return SuperresolutionTask(replace(config, network=network, gives_labels=False), prior)


def on_small_grid(training: AnyTraining) -> AnyTraining:
    """The same on the small grid, with epochs of several passes.

    A CPU's data sets are small, and every epoch is validated and stored.
    """
    small = on_grid(training, SMALL_GRID, SMALL_BOTTLENECK)
    return replace(small, passes=8, loop=replace(training.loop, epochs=50))


def small_presets(presets: dict[str, AnyTraining]) -> dict[str, AnyTraining]:
    """The presets on the small grid, "small" for the default and NAME-small for the others."""
    return {
        "small" if name == "default" else f"{name}-small": on_small_grid(training)
        for name, training in presets.items()
    }


def by_image(training: AnyTraining) -> AnyTraining:
    """The same with grids that the image places, in the middle unless `task.place` says where."""
    return replace(training, task=replace(training.task, place=PlaceConfig("image")))


def on_grid(
    training: AnyTraining,
    grid: FineGridConfig,
    bottleneck_channels: int = 1,
) -> AnyTraining:
    """The same on another grid, whose auto-encoder has that many maps at its bottleneck."""
    network = training.task.network
    changes = {"grid": grid, "bottleneck_channels": bottleneck_channels}
    if isinstance(training, PredictorTraining):
        network = replace(network, autoencoder=replace(network.autoencoder, **changes))
    else:
        network = replace(network, **changes)
    return replace(training, task=replace(training.task, network=network))


def _check_prior(training: _SubpixelTraining) -> None:
    """Refuse a prior that is missing or would not be used; of the paper it is the T-L network's."""
    is_of_paper = training.task.code_form == "printed"
    family, task = AUTOENCODER, "acnn_autoencoder"
    if training.needs_predictor or is_of_paper:
        family, task = PREDICTOR, "acnn_predictor"
    if is_of_paper:
        task += " --preset paper"
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


def _described(grid: FineGridConfig) -> str:
    shape = "x".join(map(str, grid.shape))
    spacing = "x".join(f"{distance:g}" for distance in grid.spacing_mm)
    return f"{shape} at {spacing} mm with {grid.factor} fine slices for a thick one"


def _placed(place: PlaceConfig) -> str:
    if place.by == "structure":
        return "about the labels"
    return f"about {', '.join(f'{share:g}' for share in place.centre)} of the image"


def _listed(labels: Sequence[int]) -> str:
    return ", ".join(map(str, labels))
