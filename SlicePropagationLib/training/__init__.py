"""Training: one loop, one small task per network, the data they learn from."""

TASKS = {name: f"SlicePropagationLib.training.{name}" for name in (     # name on the command line -> module with PRESETS
    "slice_unet", "acnn_autoencoder", "acnn_predictor", "acnn_segmentation", "acnn_superresolution")}
