"""Training: one loop, one small task per network, the data they learn from."""

TASKS = {"slice_unet": "SlicePropagationLib.training.slice_unet"}      # name on the command line -> module with PRESETS
