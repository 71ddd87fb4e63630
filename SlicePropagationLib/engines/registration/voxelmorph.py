"""`VoxelMorphEngine`: the registration engine with a network in the place of its iterations."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from SlicePropagationLib.arrays import Displacement, Map
from SlicePropagationLib.config import config_from_dict
from SlicePropagationLib.engines.demons import DemonsConfig, Register
from SlicePropagationLib.engines.image_registration import RegistrationConfig, RegistrationEngine
from SlicePropagationLib.engines.warped_anchor import WarpedAnchorConfig
from SlicePropagationLib.networks.checkpoint import Checkpoint, fill_network
from SlicePropagationLib.networks.on_one_thread import on_one_thread
from SlicePropagationLib.networks.registration.config import VoxelMorphConfig
from SlicePropagationLib.networks.registration.voxelmorph import VoxelMorph
from SlicePropagationLib.orientation import Turn
from SlicePropagationLib.stack import SliceStack

GRID_POINTS = 128  # of the longer side of the window; the network is cheap, and details help it


class VoxelMorphEngine(RegistrationEngine):
    """Displacements of successive slices come from a network.

    They are composed, and the anchor is warped once. Everything else (the window that follows the
    structure, intensities, ends, gaps) is the registration engine's, so that a comparison of the
    two compares the registrations alone. A network that has learnt upright slices sees them so where
    it is known how they lie in the patient: then it does not matter how a volume is stored.

    Args:
        network: a VoxelMorph with its weights.
        device: "cpu" or "cuda".
    """

    name = "voxelmorph"
    model_sha256: str

    def __init__(
        self,
        network: VoxelMorph,
        device: str = "cpu",
    ):
        warped_anchor = replace(WarpedAnchorConfig(), grid_points=GRID_POINTS)
        super().__init__(RegistrationConfig(warped_anchor=warped_anchor))
        self.network = network.to(device).eval()
        self.device = device
        self._multiple = 2 ** len(network.config.encoder)
        self._registers: dict[Turn, Register] = {}  # one of each, as walks are remembered by it

    def register_on(self, stack: SliceStack) -> Register:
        """What finds the displacement of two slices of a stack, seen as the network has learnt."""
        turn = Turn.upright(stack.towards) if self.network.config.is_upright else Turn()
        return self._registers.setdefault(turn, partial(_turned, self.register, turn))

    def register(
        self,
        fixed: Map,
        moving: Map,
        config: DemonsConfig,
    ) -> Displacement:
        """Displacement between two slices as `demons.register` gives it.

        Args:
            fixed: (H, W) float32.
            moving: the same, normalised together with it to about [0, 1].
            config: of no use here.

        Returns:
            (2, H, W) float32 in pixels.
        """
        height, width = fixed.shape
        missing = (0, -width % self._multiple, 0, -height % self._multiple)
        with on_one_thread(), torch.inference_mode():
            pair = torch.from_numpy(np.stack([moving, fixed]))[:, None].to(self.device)
            pair = F.pad(pair, missing, mode="replicate")
            displacement, _ = self.network(pair[:1], pair[1:])
            return displacement[0, :, :height, :width].float().cpu().numpy()


def _turned(
    register: Register, turn: Turn, fixed: Map, moving: Map, config: DemonsConfig
) -> Displacement:
    """What a registration finds of slices that it sees turned, as they are stored."""
    fixed = np.ascontiguousarray(turn.of(fixed))
    moving = np.ascontiguousarray(turn.of(moving))
    return turn.displacement_back(register(fixed, moving, config))


def make_voxelmorph(
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> VoxelMorphEngine:
    """The engine of a checkpoint of family voxelmorph."""
    network = VoxelMorph(config_from_dict(VoxelMorphConfig, checkpoint.config["network"]))
    return VoxelMorphEngine(fill_network(network, checkpoint, path), device)
