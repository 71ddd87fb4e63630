"""`SmoothedEngine`: any engine, with a BiRNN over the probabilities that it predicts, so that neighbouring slices agree."""

from dataclasses import replace

import numpy as np
import torch

from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.crop_window import Window
from SlicePropagationLib.errors import CheckpointError, ConfigError
from SlicePropagationLib.networks.checkpoint import fill_network, load_checkpoint
from SlicePropagationLib.networks.pnet.birnn import BiRNN
from SlicePropagationLib.networks.pnet.config import BiRNNConfig
from SlicePropagationLib.planning import Run, gap_of
from SlicePropagationLib.propagation import blend_by_distance

PRESENT = 0.5
NEGLIGIBLE = 0.02
MARGIN = 4  # pixels around what was predicted
FAMILIES = {"birnn", "pnet_birnn"}


class SmoothedEngine:
    """Walks a run to its end, then smooths it.

    The annotated slices at its ends are part of what is smoothed.

    A gap between two annotated slices is walked from both and blended before it is smoothed, so
    that both of its runs predict the same.

    Args:
        engine: the engine that walks.
        birnn: a BiRNN with its weights.
        device: "cpu" or "cuda".
    """

    def __init__(self, engine, birnn, device="cpu"):
        self.name = f"{engine.name}+birnn"
        self.engine = engine
        self.device = device
        self.birnn = birnn.to(device).eval()

    def walk(self, stack, run, anchors):
        """See `engine.Engine.walk`.

        Nothing is yielded before the run has been walked to its end.
        """
        maps = predicted(self.engine, stack, run, anchors)
        if maps:
            yield from self._smoothed(maps, run, anchors)

    def _smoothed(self, maps, run, anchors):
        """As many (H, W) probabilities as there are maps."""
        sequence = between_anchors(maps, run, anchors)
        window = Window.around(
            [values >= NEGLIGIBLE for values in sequence],
            (MARGIN, MARGIN),
            maps[0].shape,
        )
        if window is None:
            return maps
        crop = np.s_[
            window.top : window.top + window.height, window.left : window.left + window.width
        ]
        with torch.inference_mode():
            found = (
                self.birnn(
                    torch.from_numpy(np.stack([values[crop] for values in sequence]))[None].to(
                        self.device
                    )
                )[0]
                .cpu()
                .numpy()
            )
        smoothed = []
        for values in found[1 : 1 + len(maps)]:
            whole = np.zeros(maps[0].shape, np.float32)
            whole[crop] = values
            smoothed.append(whole)
        return smoothed


def walk_to_end(engine, stack, run, anchors):
    """[(H, W) float32 probability] of the slices of a run until it or the structure has ended."""
    maps = []
    is_open = None in gap_of(run.targets[0], anchors)
    for probability in engine.walk(stack, run, anchors):
        if is_open and not (probability >= PRESENT).any():
            break
        maps.append(np.asarray(probability, np.float32))
        if len(maps) == len(run.targets):
            break
    return maps


def predicted(engine, stack, run, anchors):
    """[(H, W) float32 probability] of the slices of a run until it or the structure has ended.

    The blend of both walks in a gap between two anchors.
    """
    maps = walk_to_end(engine, stack, run, anchors)
    gap = gap_of(run.targets[0], anchors)
    if None in gap:
        return maps
    back = walk_to_end(
        engine,
        stack,
        Run(gap[1] if run.step > 0 else gap[0], run.targets[::-1], run.label),
        anchors,
    )
    nothing = np.zeros(stack.slice_shape, np.float32)
    here, there = (walked + [nothing] * (len(run.targets) - len(walked)) for walked in (maps, back))
    forward, backward = (here, there[::-1]) if run.step > 0 else (there[::-1], here)
    blend = getattr(engine, "blend", blend_by_distance)
    return [
        blend(stack, index, *both, gap, anchors)
        for index, *both in zip(run.targets, forward, backward)
    ]


def between_anchors(maps, run, anchors):
    """[(H, W) float32]: the annotated slice that a run begins at, the slices it walked, and the annotated slice it arrived at, where there is one."""
    far = (
        [
            anchors[other]
            for other in gap_of(run.targets[0], anchors)
            if other not in (None, run.anchor)
        ]
        if len(maps) == len(run.targets)
        else []
    )
    return [
        anchors[run.anchor].astype(np.float32),
        *maps,
        *(mask.astype(np.float32) for mask in far),
    ]


def smooth(engine, path, device="auto"):
    """An engine whose predictions are smoothed.

    Args:
        path: model file of `train birnn` or `train pnet_birnn`.

    Raises:
        CheckpointError: the weights are missing, damaged, of another family or not safe.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    checkpoint = load_checkpoint(path, FAMILIES)
    smoothed = SmoothedEngine(engine, _birnn_of(checkpoint, path), device)
    smoothed.model_sha256 = getattr(engine, "model_sha256", None)
    smoothed.smoother_sha256 = checkpoint.sha256
    return smoothed


def load_birnn(path):
    """The BiRNN in a model file of family `birnn` or `pnet_birnn`.

    CheckpointError where it holds none.
    """
    return _birnn_of(load_checkpoint(path, FAMILIES), path)


def _birnn_of(checkpoint, path):
    try:
        birnn = BiRNN(config_from_dict(BiRNNConfig, checkpoint.config["birnn"]))
    except (ConfigError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"The configuration in {path} is not one of family {checkpoint.family} ({error}); it is"
            " damaged or from another version."
        ) from error
    if checkpoint.family == "pnet_birnn":  # the smoother is the upper part of that network
        upper = {
            name.removeprefix("birnn."): value
            for name, value in checkpoint.weights.items()
            if name.startswith("birnn.")
        }
        checkpoint = replace(checkpoint, weights=upper)
    return fill_network(birnn, checkpoint, path)
