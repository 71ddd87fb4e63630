"""Training: one loop, one small task per network, the data they learn from."""

TASKS = {  # name on the command line -> module with PRESETS
    "slice_unet": "SlicePropagationLib.training.slice.slice_unet",
    "gap_unet": "SlicePropagationLib.training.gap.gap_unet",
    "outline_unet": "SlicePropagationLib.training.outline.outline_unet",
    "presence_rnn": "SlicePropagationLib.training.presence.presence_rnn",
    "pnet_msa": "SlicePropagationLib.training.pnet.msa",
    "pnet_birnn": "SlicePropagationLib.training.pnet.birnn",
    "birnn": "SlicePropagationLib.training.pnet.smoother",
    "registration": "SlicePropagationLib.training.registration.task",
    "unet2d": "SlicePropagationLib.training.cine.unet2d",
    "cine_unet": "SlicePropagationLib.training.cine.unet",
    "cine_bilstm": "SlicePropagationLib.training.cine.bilstm",
    "acnn_autoencoder": "SlicePropagationLib.training.acnn.autoencoder",
    "acnn_predictor": "SlicePropagationLib.training.acnn.predictor",
    "acnn_segmentation": "SlicePropagationLib.training.acnn.segmentation",
    "acnn_superresolution": "SlicePropagationLib.training.acnn.superresolution",
}
