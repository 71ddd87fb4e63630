"""Training: one loop, one small task per network, the data they learn from."""

TASKS = {  # name on the command line -> module with PRESETS
    "slice_unet": "SlicePropagationLib.training.slice_unet",
    "pnet_msa": "SlicePropagationLib.training.pnet_msa",
    "pnet_birnn": "SlicePropagationLib.training.pnet_birnn",
    "birnn": "SlicePropagationLib.training.birnn",
    "registration": "SlicePropagationLib.training.registration",
    "unet2d": "SlicePropagationLib.training.unet2d",
    "cine_unet": "SlicePropagationLib.training.cine_unet",
    "cine_bilstm": "SlicePropagationLib.training.cine_bilstm",
    "acnn_autoencoder": "SlicePropagationLib.training.acnn_autoencoder",
    "acnn_predictor": "SlicePropagationLib.training.acnn_predictor",
    "acnn_segmentation": "SlicePropagationLib.training.acnn_segmentation",
    "acnn_superresolution": "SlicePropagationLib.training.acnn_superresolution",
}
