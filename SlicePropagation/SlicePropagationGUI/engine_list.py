"""The engines in a list to choose from: those of the command line, each with what it lacks here."""

import qt
from SlicePropagationMRML.presenting.controls import (
    blockedReason,
    engineNames,
    engineSummary,
    listedTitle,
)

from SlicePropagationLib.engines import ENGINES, default_engine


def fillEngines(combo):
    """Put every engine into an empty list.

    Those that cannot be chosen are disabled, with the reason in their tooltip.
    """
    for row, name in enumerate(engineNames()):
        reason = blockedReason(name)
        combo.addItem(listedTitle(name))
        combo.setItemData(row, reason or engineSummary(name), qt.Qt.ToolTipRole)
        combo.model().item(row).setEnabled(reason == "")


def engineRow(name):
    """The row of an engine in such a list.

    That of the default for one that cannot be chosen here.
    """
    isThere = name in ENGINES and not blockedReason(name)
    return engineNames().index(name if isThere else default_engine())
