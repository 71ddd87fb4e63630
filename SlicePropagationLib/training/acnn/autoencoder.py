"""`train acnn_autoencoder`: what a structure's shape can be, from label maps alone."""

from SlicePropagationLib.training.acnn.presets import (
    AutoencoderTraining,
    by_image,
    on_small_grid,
)

PRESETS = {"default": AutoencoderTraining()}  # the paper's grid, for a GPU
PRESETS["paper"] = by_image(PRESETS["default"])  # grids lie as where networks are judged
PRESETS["small"] = on_small_grid(PRESETS["default"])
PRESETS["paper-small"] = on_small_grid(PRESETS["paper"])
