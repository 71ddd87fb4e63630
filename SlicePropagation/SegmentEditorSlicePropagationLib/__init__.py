"""The Segment Editor effect *Propagate*."""
