"""`train acnn_autoencoder`: what a structure's shape can be, from label maps alone."""

from SlicePropagationLib.training.acnn.presets import AutoencoderTraining, on_small_grid

PRESETS = {"default": AutoencoderTraining()}  # the paper's grid, for a GPU
PRESETS["small"] = on_small_grid(PRESETS["default"])
