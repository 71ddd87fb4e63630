"""Whether a structure is still there beyond the end of a walk: what a small network has learnt."""
