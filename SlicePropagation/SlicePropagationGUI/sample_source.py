"""The tutorial's volume in Slicer's module *Sample Data*; it is generated when it is asked for."""

import os

import slicer
from slicer.i18n import tr as _


def registerSample(icons, folder):
    """Offer the volume.

    Args:
        icons: folder of the extension's icons.
        folder: where the volume is kept once it is generated.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=_("Slice Propagation"),
        sampleName="SlicePropagationAbdomen",
        uris="",  # Slicer counts them, also beside a downloader that needs none
        thumbnailFileName=os.path.join(icons, "SlicePropagationAbdomen.png"),
        customDownloader=lambda source=None: load(folder),
    )


def load(folder):
    """What Sample Data calls: the nodes of the sample."""
    from SlicePropagationMRML.nodes.sample_data import loadSample

    return [loadSample(slicer.mrmlScene, folder)]
