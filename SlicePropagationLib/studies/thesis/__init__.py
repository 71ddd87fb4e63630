"""Measurements of the slice-propagation thesis, repeated."""
