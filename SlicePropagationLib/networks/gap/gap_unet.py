"""`GapUNet`: fills all slices of a window at once, between and beyond the annotated ones.

Own design. A U-Net (Ronneberger et al., 2015) whose levels alternate convolutions within slices and
along them; a residual on the log odds of registration; every cell reads from the annotated slices
what looked like it there (space-time memory: Oh et al., ICCV 2019; distances instead of products:
Cheng et al., STCN, NeurIPS 2021). Layer normalisation over channels alone, so that what a slice
becomes does not depend on how large a window is. Groups of 2 x 2 cells are channels at first (Shi
et al., CVPR 2016, the other way round): at the resolution of the cells a CPU spends its time on
memory, so only the edge is drawn there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from SlicePropagationLib.networks.gap.config import GapUNetConfig

FIRST_PRESENCE = 3.0  # logit before any training
MASK_CHANNELS = 3  # inside, near outside, far outside
RING_CELLS = 8  # how far outside the annotated structure is near, in cells


class GapPrediction(NamedTuple):
    """What the network says of a window; B windows of T slices.

    Attributes:
        log_odds: (B, T, C, C) of the structure.
        presence: (B, T) logit of the slice showing the structure at all.
        log_area: (B, T) expected log2 of its area over that of the largest annotated one,
        log_area_scale: (B, T) and the natural logarithm of the mean error of that (Laplace).
        quality: (B, T) logit of the Dice that the mask of the slice will have.
    """

    log_odds: Tensor
    presence: Tensor
    log_area: Tensor
    log_area_scale: Tensor
    quality: Tensor


class GapUNet(nn.Module):
    """Network on maps and scalar features of the slices of a window.

    Args:
        config: a GapUNetConfig.
    """

    def __init__(self, config: GapUNetConfig) -> None:
        super().__init__()
        self.config = config
        _, width1, width2, width3 = config.widths
        self.trunk = ImageTrunk(config)
        self.scalars = nn.Sequential(
            nn.Linear(config.num_scalars, config.scalar_channels),
            nn.GELU(),
            nn.Linear(config.scalar_channels, config.scalar_channels),
            nn.GELU(),
        )
        reads = MASK_CHANNELS if config.reads_annotations else 0
        self.encoders = nn.ModuleList(
            [
                Level(4 * config.num_maps + width1 + reads, width1, config.scalar_channels),
                Level(width1 + width2 + reads, width2, config.scalar_channels),
                Level(width2, width3, config.scalar_channels),
            ]
        )
        self.along = AlongSlices(width3, config.dilations)
        self.decoders = nn.ModuleList(
            [
                Level(width3 + width2, width2, config.scalar_channels),
                Level(width2 + width1, width1, config.scalar_channels),
            ]
        )
        self.edge_head = EdgeHead(config)
        self.slice_head = SliceHead(2 * width3 + config.scalar_channels)

    def forward(self, maps: Tensor, scalars: Tensor, memory: Tensor | None = None) -> GapPrediction:
        """What a batch of windows shows.

        Args:
            maps: (B, T, num_maps, C, C).
            scalars: (B, T, num_scalars).
            memory: (B, A, 4, C, C) annotated slices outside the windows: the images of the slice
                before, of itself and of the one after, and what was annotated as in the maps;
                zeros where there is none.
        """
        count, length = maps.shape[:2]
        facts = self.scalars(scalars.flatten(0, 1))
        fine, coarse = self._read(maps, memory)
        flat = maps.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = torch.cat([F.pixel_unshuffle(flat, 2).to(fine.dtype), fine], dim=1)
        features = self.encoders[0](features, facts, length)
        skips = [features]
        features = torch.cat([F.avg_pool2d(features, 2), coarse], dim=1)
        features = self.encoders[1](features, facts, length)
        skips.append(features)
        features = self.encoders[2](F.avg_pool2d(features, 2), facts, length)
        prior = flat[:, self.config.prior_map, None]
        features, summary = self.along(features, prior, length)
        slices = self.slice_head(torch.cat([summary, facts], dim=1)).float()
        for decoder in self.decoders:
            risen = F.interpolate(features, scale_factor=2, mode="nearest")
            features = decoder(torch.cat([risen, skips.pop()], dim=1), facts, length)
        change = self.edge_head(features, flat).float()
        present = F.logsigmoid(slices[:, :1])[:, :, None, None]
        log_odds = self.config.prior_scale * prior.float() + change + present
        presence, log_area, scale, quality = slices.view(count, length, 4).unbind(dim=2)
        return GapPrediction(
            log_odds.view(count, length, *maps.shape[3:]), presence, log_area, scale, quality
        )

    def _read(self, maps: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features of the slices at both resolutions, and what annotated slices say of them."""
        length = maps.shape[1]
        seen = with_neighbours(maps[:, :, self.config.image_map])
        annotated = maps[:, :, self.config.annotated_map]
        if memory is not None:
            seen = torch.cat([seen, memory[:, :, :3]], dim=1)
            annotated = torch.cat([annotated, memory[:, :, 3]], dim=1)
        features = self.trunk(seen)
        if self.config.reads_annotations:
            found = (self.trunk.likeness, self.trunk.read)
            features = [
                torch.cat([part, read(part, annotated)], dim=1)
                for part, read in zip(features, found, strict=True)
            ]
        total = seen.shape[1]
        fine, coarse = (
            part.unflatten(0, (-1, total))[:, :length].flatten(0, 1) for part in features
        )
        return fine, coarse


class ImageTrunk(nn.Module):
    """Features of the slices alone, and what the annotated ones say of cells that look alike.

    Args:
        config: a GapUNetConfig.
    """

    def __init__(self, config: GapUNetConfig) -> None:
        super().__init__()
        _, width1, width2, _ = config.widths
        self.fine = nn.Sequential(
            nn.PixelUnshuffle(2),
            _convolution(4 * 3, width1),
            nn.GELU(),
            _convolution(width1, width1),
        )
        self.coarse = nn.Sequential(
            ChannelNorm(width1),
            nn.GELU(),
            Halving(width1, width2),
            ChannelNorm(width2),
            nn.GELU(),
            _convolution(width2, width2),
        )
        self.fine_key = nn.Conv2d(width1, config.key_channels, 1)
        self.coarse_key = nn.Conv2d(width2, config.key_channels, 1)
        self.sharpness = nn.Parameter(torch.tensor(0.0))
        self.nearness = nn.Parameter(torch.tensor(-3.0))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Features at a half and a quarter of the cells' resolution.

        Args:
            seen: (B, T, 3, C, C), as `with_neighbours` makes it.

        Returns:
            (B T, widths[1], C / 2, C / 2) and (B T, widths[2], C / 4, C / 4).
        """
        seen = seen.flatten(0, 1)
        seen = seen.contiguous(memory_format=torch.channels_last)
        fine = self.fine(seen)
        return fine, self.coarse(fine)

    def likeness(self, features: Tensor, annotated: Tensor) -> Tensor:
        """How alike each cell is to the mean of what was inside, near and far on annotated slices.

        Args:
            features: (B T, width, c, c).
            annotated: (B, T, C, C) -1 outside and 1 inside, zeros where nothing was annotated.

        Returns:
            (B T, MASK_CHANNELS, c, c).
        """
        count, length = annotated.shape[:2]
        keys = _unit(self.fine_key(features)).flatten(2)
        values = _mask_channels(annotated, features.shape[-1])
        keys = keys.unflatten(0, (count, length))
        weights = values / values.sum(dim=(1, 3), keepdim=True).clamp_min(1e-4)
        means = torch.einsum("btkp,btmp->bkm", keys, weights.to(keys))
        found = torch.einsum("btkp,bkm->btmp", keys, F.normalize(means, dim=1))
        return found.flatten(0, 1).unflatten(2, features.shape[-2:])

    def read(self, features: Tensor, annotated: Tensor) -> Tensor:
        """What lies at the cells of the annotated slices that look like each cell.

        Args and result as in `likeness`.
        """
        count, length = annotated.shape[:2]
        size = features.shape[-1]
        keys = _unit(self.coarse_key(features)).flatten(2).unflatten(0, (count, length))
        values = _mask_channels(annotated, size)
        bias = self._bias(size, features.device)
        found = []
        for batch in range(count):
            places = (values[batch].sum(dim=(1, 2)) > 0).nonzero()[:, 0]
            found.append(self._read_from(keys[batch], values[batch], places, bias))
        return torch.stack(found).flatten(0, 1).unflatten(2, (size, size)).to(features.dtype)

    def _read_from(self, keys: Tensor, values: Tensor, places: Tensor, bias: Tensor) -> Tensor:
        """(T, MASK_CHANNELS, P) of one window, read from its annotated places."""
        known = keys[places].transpose(0, 1).flatten(1)
        content = values[places].transpose(0, 1).flatten(1)
        alike = 8 * self.sharpness.exp() * torch.einsum("tkp,kq->tpq", keys, known.to(keys))
        alike = alike.float() + bias.repeat(1, len(places))
        weights = alike.softmax(dim=2)
        return torch.einsum("tpq,mq->tmp", weights, content.to(weights))

    def _bias(self, size: int, device: torch.device) -> Tensor:
        """(P, P) by how far cells are apart."""
        row = torch.arange(size, device=device, dtype=torch.float32)
        apart = (row[:, None] - row).square() * (16 / size) ** 2
        square = apart[:, None, :, None] + apart[None, :, None, :]
        return -self.nearness.exp() * square.reshape(size * size, size * size)


def with_neighbours(images: Tensor) -> Tensor:
    """(B, T, 3, C, C): the slice before, the slice and the one after, of (B, T, C, C) images."""
    before = torch.cat([images[:, :1], images[:, :-1]], dim=1)
    after = torch.cat([images[:, 1:], images[:, -1:]], dim=1)
    return torch.stack([before, images, after], dim=2)


class Level(nn.Module):
    """Convolutions within slices and along them, with a residual.

    Args:
        in_channels, out_channels: of the maps.
        scalar_channels: of what is known of each slice as numbers.
    """

    def __init__(self, in_channels: int, out_channels: int, scalar_channels: int) -> None:
        super().__init__()
        self.enter = _convolution(in_channels, out_channels)
        self.scalars = nn.Linear(scalar_channels, out_channels)
        self.norm = ChannelNorm(out_channels)
        self.along = nn.Conv2d(out_channels, out_channels, (3, 1), padding=(1, 0))
        self.within = _convolution(out_channels, out_channels)

    def forward(self, features: Tensor, facts: Tensor, length: int) -> Tensor:
        """Maps of the level.

        Args:
            features: (B T, in_channels, h, w).
            facts: (B T, scalar_channels).
            length: T.

        Returns:
            (B T, out_channels, h, w).
        """
        features = self.enter(features) + self.scalars(facts)[:, :, None, None]
        change = F.gelu(self.norm(features))
        change = change + _along_slices(self.along, change, length)
        return features + self.within(F.gelu(change))


class AlongSlices(nn.Module):
    """What the slices of a window say of one another, far along it.

    Args:
        width: channels.
        dilations: of the convolutions along the slices.
    """

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = nn.Linear(2 * width, 2 * width)
        self.layers = nn.ModuleList(
            nn.Conv1d(2 * width, 2 * width, 5, padding=2 * step, dilation=step)
            for step in dilations
        )
        self.leave = nn.Linear(2 * width, width)

    def forward(self, features: Tensor, prior: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Features to which the slices' summaries were added, and these.

        Args:
            features: (B T, width, h, w).
            prior: (B T, 1, C, C) log odds of registration, in their unit.
            length: T.

        Returns:
            (B T, width, h, w) and (B T, 2 width).
        """
        inside = F.adaptive_avg_pool2d((4 * prior).sigmoid(), features.shape[-1])
        share = inside / inside.sum(dim=(2, 3), keepdim=True).clamp_min(1e-3)
        pooled = [features.mean(dim=(2, 3)), (features * share).sum(dim=(2, 3))]
        summary = self.enter(torch.cat(pooled, dim=1))
        row = summary.unflatten(0, (-1, length)).transpose(1, 2)
        for layer in self.layers:
            row = row + layer(F.gelu(row))
        summary = row.transpose(1, 2).flatten(0, 1)
        return features + self.leave(F.gelu(summary))[:, :, None, None], summary


class EdgeHead(nn.Module):
    """Log odds on the cells from maps of half their resolution and from what the cells show.

    At first it changes nothing of registration.

    Args:
        config: a GapUNetConfig.
    """

    def __init__(self, config: GapUNetConfig) -> None:
        super().__init__()
        width0, width1, _, _ = config.widths
        self.rise = nn.Conv2d(width1, 4 * width0, 1)
        self.enter = _convolution(width0 + config.num_maps, width0)
        self.leave = _convolution(width0, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(_bias_of(self.leave))

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        """(B T, 1, C, C) of features (B T, widths[1], C / 2, C / 2) and maps (B T, maps, C, C)."""
        risen = F.pixel_shuffle(self.rise(features), 2)
        seen = torch.cat([risen, maps.to(risen.dtype)], dim=1)
        return self.leave(F.gelu(self.enter(seen)))


class SliceHead(nn.Sequential):
    """Presence, log area, its scale and quality of a slice from what is known of it.

    At first every slice shows the structure, so that nothing is taken away from registration.
    """

    def __init__(self, in_channels: int) -> None:
        last = nn.Linear(64, 4)
        super().__init__(nn.Linear(in_channels, 64), nn.GELU(), last)
        nn.init.zeros_(last.weight)
        last.bias.data = torch.tensor([FIRST_PRESENCE, 0.0, 0.0, 0.0])


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each cell; (B, C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Shapes as said above."""
        last = features.permute(0, 2, 3, 1)
        normed = F.layer_norm(last, self.weight.shape, self.weight, self.bias)
        return normed.permute(0, 3, 1, 2).to(features.dtype)


class Halving(nn.Conv2d):
    """3 x 3 convolution of stride 2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2, padding=1)


def _convolution(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1)


def _along_slices(layer: nn.Conv2d, features: Tensor, length: int) -> Tensor:
    """A (3, 1) convolution over slices and cells; (B T, C, h, w) stays as it is laid out."""
    _, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(-1, length, height * width, channels)
    found = layer(rows.permute(0, 3, 1, 2))
    last = found.permute(0, 2, 3, 1).reshape(-1, height, width, channels)
    return last.permute(0, 3, 1, 2)


def _bias_of(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None  # no convolution here goes without
    return layer.bias


def _unit(keys: Tensor) -> Tensor:
    return F.normalize(keys.float(), dim=1).to(keys.dtype)


def _mask_channels(annotated: Tensor, size: int) -> Tensor:
    """(B, T, MASK_CHANNELS, P): inside, near and far outside; zeros where nothing was annotated."""
    shown = (annotated.abs().amax(dim=(2, 3), keepdim=True) > 0).to(annotated)
    pooled = F.adaptive_avg_pool2d(annotated, size)
    inside = ((pooled + 1) / 2 * shown).flatten(2)
    reach = 2 * (RING_CELLS * size // annotated.shape[-1]) + 1
    wide = F.max_pool2d(pooled, reach, stride=1, padding=reach // 2)
    near = (((wide + 1) / 2 * shown).flatten(2) - inside).clamp_min(0)
    far = shown.flatten(2) - inside - near
    return torch.stack([inside, near, far], dim=2)
