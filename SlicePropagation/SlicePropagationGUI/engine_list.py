"""The engines in a list to choose from: those of the command line, each with what it lacks here."""

import qt
from slicer.i18n import tr as _

from SlicePropagationGUI.words import packagesText
from SlicePropagationLib.engines import ENGINES, default_engine
from SlicePropagationLib.models import has_model

INSTALLABLE = {"torch"}         # what the panel can install when it is asked to


def engineNames():
    """Names of all engines, as the command line lists them."""
    return tuple(ENGINES)


def engineTitle(name):
    """What people read."""
    titles = {"slice_unet": _("Trained network"), "registration": _("Image registration"), "voxelmorph": _("Trained registration (VoxelMorph)"),
              "interpolation": _("Shape interpolation"), "itk_interpolation": _("Contour interpolation (ITK)"), "copy": _("Copy (baseline)")}
    return titles.get(name, name)


def blockedReason(name):
    """Why an engine cannot be chosen here; empty when it can, also when what it lacks can be installed then."""
    info = ENGINES[name]
    lacking = [package for package in info.missing if package not in INSTALLABLE]
    if lacking:
        return _("Needs the Python package {packages}, which is not installed").format(packages=packagesText(lacking))
    if info.has_weights and not has_model(name):
        return _("Its weights are not installed; train them with 'slice-propagation train {engine}'").format(engine=name)
    return ""


def fillEngines(combo):
    """Put every engine into an empty list; those that cannot be chosen are disabled, with the reason in their tooltip."""
    for row, name in enumerate(engineNames()):
        reason, missing = blockedReason(name), ENGINES[name].missing
        title = engineTitle(name)
        combo.addItem(_("{engine}, needs {packages}").format(engine=title, packages=packagesText(missing)) if missing else title)
        combo.setItemData(row, reason or ENGINES[name].summary, qt.Qt.ToolTipRole)
        combo.model().item(row).setEnabled(reason == "")


def engineRow(name):
    """The row of an engine in such a list; that of the default for one that cannot be chosen here."""
    return engineNames().index(name if name in ENGINES and not blockedReason(name) else default_engine())
