"""A small model that needs no seed, with random weights: what it finds is odd, and always the same."""

import json


def write_segmenter(path, num_classes=3, size=32, pixel_mm=1.0, orientation=""):
    """A model file of family unet2d; returns the path."""
    import torch

    from SlicePropagationLib.networks.checkpoint import save_checkpoint
    from SlicePropagationLib.networks.config import UNetConfig
    from SlicePropagationLib.networks.unet import UNet

    network = {"in_channels": 1, "out_channels": num_classes, "depth": 1, "base_channels": 4}
    grid = {"size": size, "pixel_mm": pixel_mm, "orientation": orientation}
    torch.manual_seed(3)
    weights = UNet(UNetConfig(**network)).state_dict()
    save_checkpoint(path, "unet2d", {"network": network, "frames": {"grid": grid}}, weights)
    return path


def ship_segmenter(folder):
    """The same as a shipped model `discs`, with its card; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_segmenter(folder / "discs.pt")
    card = {
        "title": "Two discs",
        "structures": {"1": "large disc", "2": "small disc"},
        "images": "synthetic pictures",
        "quality": "none, its weights are random",
    }
    (folder / "discs.json").write_text(json.dumps(card), encoding="utf-8")
    return folder
