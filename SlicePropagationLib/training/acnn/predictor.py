"""`train acnn_predictor --prior AE.pt`: the code of the shape in an image.

With the prior, the paper's T-L network.
"""

from SlicePropagationLib.training.acnn.presets import (
    PredictorTraining,
    by_image,
    on_small_grid,
)

PRESETS = {"default": PredictorTraining()}  # the paper's grid, for a GPU
PRESETS["paper"] = by_image(PRESETS["default"])  # grids lie as where networks are judged
PRESETS["small"] = on_small_grid(PRESETS["default"])
PRESETS["paper-small"] = on_small_grid(PRESETS["paper"])
