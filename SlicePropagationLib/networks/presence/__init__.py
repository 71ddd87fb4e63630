"""The network that judges whether a structure is on the slices of a walk."""
