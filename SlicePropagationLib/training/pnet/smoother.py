"""`train birnn`: the BiRNN as a smoother of what an engine propagates.

It learns from the engine's walks from one and from three annotated slices of every structure.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from SlicePropagationLib.arrays import Mask, Masks
from SlicePropagationLib.engines import make_engine
from SlicePropagationLib.engines.crop_window import CropWindow
from SlicePropagationLib.engines.pnet.smoothed import (
    MARGIN,
    NEGLIGIBLE,
    between_anchors,
    load_birnn,
    predicted,
)
from SlicePropagationLib.errors import ConfigError
from SlicePropagationLib.files.object_session import object_session
from SlicePropagationLib.files.segmentation_file import read_labels
from SlicePropagationLib.files.volume import read_volume
from SlicePropagationLib.losses.binary import find_loss
from SlicePropagationLib.networks.pnet.birnn import BiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.propagation import Engine, plan_session
from SlicePropagationLib.session import AnnotationSession
from SlicePropagationLib.stack import SliceStack
from SlicePropagationLib.training.contracts import Batch, Cases, Losses, Metrics, Report, Sample
from SlicePropagationLib.training.loop import fit
from SlicePropagationLib.training.loop_config import LoopConfig
from SlicePropagationLib.training.pnet.slice_task import mean_slice_dice

# where in its extent a structure is annotated, one after the other
ANNOTATED = ((0.5,), (0.2, 0.8))


@dataclass(frozen=True)
class SmootherTaskConfig:
    """What is trained.

    Attributes:
        birnn: shape of the BiRNN.
        engine: whose walks are smoothed.
        loss: as in PNetTaskConfig.
    """

    birnn: BiRNNConfig = field(default_factory=BiRNNConfig)
    engine: str = "registration"
    loss: str = "jaccard"

    def __post_init__(self) -> None:
        find_loss(self.loss)


class SmootherTask(nn.Module):
    """Loss and metric on one walk; see `Walks` for a batch.

    Args:
        config: a SmootherTaskConfig.
    """

    family = "birnn"
    score = "dice"

    def __init__(self, config: SmootherTaskConfig) -> None:
        super().__init__()
        self.config = config
        self.loss = find_loss(config.loss)
        self.network = BiRNN(config.birnn)

    def forward(self, batch: Batch) -> Losses:
        """{"total": loss of a walk}; the annotated slices are left out."""
        found = self.network(batch["probability"])
        walked = ~batch["is_annotated"][0]
        with torch.autocast(found.device.type, enabled=False):
            return {"total": self.loss(found[:, walked].float(), batch["truth"][:, walked])}

    @torch.no_grad()
    def metrics(self, batch: Batch) -> Metrics:
        """{"dice": mean over slices, "dice_before": the same of the walk as it was, "count"}.

        The annotated slices are left out.
        """
        walked = ~batch["is_annotated"][0]
        before = batch["probability"][0, walked]
        truth = batch["truth"][0, walked]
        after = mean_slice_dice(self.network(batch["probability"])[0, walked], truth)
        return {
            "dice": after["dice"],
            "dice_before": mean_slice_dice(before, truth)["dice"],
            "count": after["count"],
        }


class Walks(torch.utils.data.Dataset):
    """Walks, cut to what is there.

    {"probability": (T, h, w) float32, "truth": (T, h, w) float32, "is_annotated": (T,) bool}; T
    differs. Of every structure, the walks from its middle slice, then those from three slices of
    it, which also arrive at annotated ones.

    Args:
        cases: TrainingCases.
        engine: what walks.
    """

    def __init__(
        self,
        cases: Cases,
        engine: Engine,
    ) -> None:
        self.walks = []
        for case in cases:
            volume = read_volume(case.image)
            labels, segments = read_labels(case.label_map, volume)
            for segment in segments:
                # a segmentation file may name segments that nobody drew
                if not (labels == segment.label).any():
                    continue
                session, truth = object_session(volume, labels, segment.label, 0)
                self._record(session, truth, engine)

    def __len__(self) -> int:
        return len(self.walks)

    def __getitem__(self, position: int) -> Sample:
        return self.walks[position]

    def _record(
        self,
        session: AnnotationSession,
        truth: np.ndarray,
        engine: Engine,
    ) -> None:
        shown = np.flatnonzero(truth.any(axis=(1, 2)))
        label = session.labels[0]
        for shares in ANNOTATED:
            for index in sorted({int(shown[int(share * len(shown))]) for share in shares}):
                session.annotate(label, index, truth[index])
            anchors = session.anchor_masks(label)
            for run in plan_session(session, everything=True):
                is_in_gap = None not in gap_of(run.targets[0], anchors)
                # the second walk of a gap predicts what the first does
                if run.step > 0 or not is_in_gap:
                    self._walk(session.stack, run, anchors, truth, engine)

    def _walk(
        self,
        stack: SliceStack,
        run: Run,
        anchors: dict[int, Mask],
        truth: Masks,
        engine: Engine,
    ) -> None:
        """Keep what the engine says of a run."""
        maps = predicted(engine, stack, run, anchors)
        if not maps:
            return
        sequence = between_anchors(maps, run, anchors)
        indices = run.anchor + run.step * np.arange(len(sequence))
        is_annotated = torch.from_numpy(np.isin(indices, list(anchors)))
        walk = _cut(np.stack(sequence), truth[indices])
        self.walks.append({**walk, "is_annotated": is_annotated})


def _cut(probability: np.ndarray, truth: np.ndarray) -> Sample:
    shown = [*(probability >= NEGLIGIBLE), *truth]
    window = CropWindow.around_any(shown, (MARGIN, MARGIN), truth.shape[1:])
    assert window is not None  # a walk begins at a structure
    rows = slice(window.top, window.top + window.height)
    columns = slice(window.left, window.left + window.width)
    crop = np.s_[:, rows, columns]
    return {
        "probability": torch.from_numpy(probability[crop].copy()),
        "truth": torch.from_numpy(truth[crop].astype(np.float32)),
    }


@dataclass(frozen=True)
class SmootherTraining:
    """Training of a smoother.

    Attributes:
        task: the BiRNN and what it smooths.
        loop: how long and how fast; walks differ in size, so that a batch is one walk.
    """

    task: SmootherTaskConfig = field(default_factory=SmootherTaskConfig)
    loop: LoopConfig = field(
        default_factory=lambda: LoopConfig(
            epochs=10,
            batch_size=1,
            learning_rate=1e-2,
            schedule="cosine",
            clip_norm=1.0,
        )
    )

    def __post_init__(self) -> None:
        if self.loop.batch_size != 1:
            raise ConfigError(
                f"Walks differ in size, so that batch_size must be 1, got {self.loop.batch_size}."
            )

    def new_task(self, init: Path | str | None = None) -> SmootherTask:
        """The task at its beginning, with the BiRNN of the model file `init` where one is given.

        CheckpointError where it does not fit.
        """
        torch.manual_seed(self.loop.seed)
        task = SmootherTask(self.task)
        if init:
            task.network.load_state_dict(load_birnn(init).state_dict())
        return task

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
        """Walk the cases, train, return the path of the best weights."""
        task = self.new_task(init)
        engine = make_engine(self.task.engine, device)
        train_data = Walks(train_cases, engine)
        val_data = Walks(val_cases, engine)
        return fit(
            task,
            train_data,
            val_data,
            self.loop,
            out,
            device=device,
            report=report,
        )


PRESETS = {"default": SmootherTraining()}
