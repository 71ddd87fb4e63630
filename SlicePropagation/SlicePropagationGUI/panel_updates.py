"""What the logic tells the panel: each event becomes a sentence, and brings some of it up to date."""

import time

from SlicePropagationMRML.run.events import (
    Closed,
    Edited,
    Finished,
    FramesFinished,
    FramesReturned,
    Kept,
    Moved,
    Stepped,
    Touched,
)

FOLLOW_SECONDS = 0.15  # views and strip are brought up to date no more often
FOLLOW_SHARE = 5  # one of so many parts of the time is for that: with many slices it takes long


class PanelUpdates:
    """Listens to the logic for the panel.

    Args:
        logic: a PropagationLogic.
        presenter: a Presenter of that logic.
        sections: the Sections.
        chosen: the Chosen.
        commands: the Commands.
        view: a `commands.View`: where it is said and shown.
    """

    def __init__(self, logic, presenter, sections, chosen, commands, view):
        self._logic = logic
        self._presenter = presenter
        self._sections = sections
        self._chosen = chosen
        self._commands = commands
        self._view = view
        self._nextShow = 0.0
        self._saveStateForUndo = logic.saveStateForUndo
        logic.saveStateForUndo = sections.draw.saveStateForUndo
        logic.axisOfSeed = chosen.axisOfSeed
        logic.events.connect(self._told)

    def cleanup(self):
        """Let the logic go on without a panel."""
        self._logic.events.disconnect(self._told)
        self._logic.saveStateForUndo = self._saveStateForUndo
        self._logic.axisOfSeed = lambda: None

    def _told(self, event):
        if self._isForAutoUpdate(event):
            self._commands.propagate()
            return
        text = self._presenter.sentence(event)
        if text is not None:
            self._view.say(text, isError=getattr(event, "problem", None) is not None)
        progress = self._presenter.progress(event)
        if progress is not None:
            self._sections.run.showProgress(*progress)
        match event:
            case Stepped(prediction):
                self._follow(prediction.index)
            case FramesFinished() | FramesReturned():
                self._sections.inputs.follow()
                self._view.refresh()
            case Finished() | Kept() | Moved() | Touched() | Closed():
                self._view.refresh()

    def _isForAutoUpdate(self, event):
        """Whether a person corrected something, and wants a run after every correction."""
        isWanted = isinstance(event, Edited) and self._sections.review.isAutoUpdate()
        return isWanted and self._presenter.callsForRun(event.changed)

    def _follow(self, index):
        """Show the strip, and the slice that was predicted, a few times a second."""
        begun = time.monotonic()
        if begun < self._nextShow:
            return
        self._sections.review.show(self._chosen.reviewed())
        if self._sections.run.follows():
            self._sections.review.jump(index)
        ended = time.monotonic()
        self._nextShow = max(begun + FOLLOW_SECONDS, ended + (FOLLOW_SHARE - 1) * (ended - begun))
