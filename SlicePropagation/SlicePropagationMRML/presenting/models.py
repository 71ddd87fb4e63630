"""What panel and page say of the models that need no seed."""

from importlib import util

from SlicePropagationLib.segmenters.catalogue import ShippedModel, shipped_models
from SlicePropagationMRML.translation import tr as _


def modelTitle(model: ShippedModel) -> str:
    """What a model is called in a list."""
    return _(model.title)


def modelText(model: ShippedModel) -> str:
    """What a model finds, on which images, and how well, in a line."""
    return _("Finds {structures}. On {images}. {quality}").format(
        structures=", ".join(_(name) for name in model.structures.values()),
        images=_(model.images),
        quality=_(model.quality),
    )


def modelsReason() -> str:
    """Why no model can segment here; empty where one can."""
    if not shipped_models():
        return _("No model that needs no seed came with this installation")
    if util.find_spec("torch") is None:
        return _("Models that need no seed need PyTorch; it can be installed with an engine")
    return ""


def firstHint() -> str:
    """What *Segment first* does."""
    return _(
        "A model looks at the whole volume. What it finds is reviewed and corrected like what was"
        " propagated"
    )
