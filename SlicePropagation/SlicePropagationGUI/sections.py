"""`Sections`: the panel's parts from top to bottom, for those who work with several of them."""

from dataclasses import dataclass

from SlicePropagationGUI.details_section import DetailsSection
from SlicePropagationGUI.draw_section import DrawSection
from SlicePropagationGUI.first_section import FirstSection
from SlicePropagationGUI.frame_section import FrameSection
from SlicePropagationGUI.input_section import InputSection
from SlicePropagationGUI.review_section import ReviewSection
from SlicePropagationGUI.run_section import RunSection


@dataclass(frozen=True)
class Sections:
    """One controller each."""

    draw: DrawSection
    inputs: InputSection
    run: RunSection
    frames: FrameSection
    review: ReviewSection
    details: DetailsSection
    first: FirstSection
