"""The tutorial's volume among Slicer's sample data.

Imported as Slicer starts: nothing heavy here.
"""

import os

import slicer
from slicer.i18n import tr as _


def dataFolder():
    """Where sample data is kept: a folder of our own in Slicer's cache."""
    return os.path.join(slicer.app.temporaryPath, "SlicePropagation")


def register(icons):
    """Offer the volume in Sample Data.

    Args:
        icons: folder with its picture.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=_("Slice Propagation"),
        sampleName="SlicePropagationAbdomen",
        uris="",  # Slicer counts them, also beside a downloader that needs none
        thumbnailFileName=os.path.join(icons, "SlicePropagationAbdomen.png"),
        customDownloader=loadSample,
    )


def loadSample(source=None):
    """What Sample Data calls: the nodes of the sample."""
    from SlicePropagationMRML.nodes.sample_data import loadSample as load

    return [load(slicer.mrmlScene, dataFolder())]
