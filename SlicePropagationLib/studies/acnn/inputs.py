"""The degraded volumes that the ACNN measurements judge networks on."""

from __future__ import annotations

from SlicePropagationLib.training.acnn.degradation import DegradationConfig

MOVED_MM = 3.0
MOVED_DEGREES = 3.0  # the motion that the networks with motion augmentation were trained for
STILL = "Slices that lie still"
MOVED = f"Slices that moved by up to {MOVED_MM:g} mm and {MOVED_DEGREES:g} degrees"
INPUTS = {
    STILL: DegradationConfig(),
    MOVED: DegradationConfig(shift_mm=MOVED_MM, turn=MOVED_DEGREES),
}  # {title of the table: how thick slices are made}
