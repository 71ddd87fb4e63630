"""Hidden module that registers the Segment Editor effect *Propagate*, for those who stay in the Segment Editor."""

import os

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule


class SegmentEditorSlicePropagation(ScriptedLoadableModule):
    """What Slicer knows about the module; it has no panel."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = "SegmentEditorSlicePropagation"
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations", "SlicePropagation"]
        parent.contributors = ["The SlicePropagation maintainers"]
        parent.hidden = True
        parent.helpText = _("This hidden module registers the Segment Editor effect Propagate.")
        parent.acknowledgementText = _("See the module Slice Propagation. Code: Apache-2.0.")
        slicer.app.connect("startupCompleted()", self.registerEditorEffect)

    def registerEditorEffect(self):
        """Offer the effect to every segment editor that is made from now on."""
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        source = os.path.join(
            os.path.dirname(os.path.abspath(__file__)),
            "SegmentEditorSlicePropagationLib",
            "SegmentEditorEffect.py",
        )
        effect.setPythonSource(source.replace("\\", "/"))
        effect.self().register()
