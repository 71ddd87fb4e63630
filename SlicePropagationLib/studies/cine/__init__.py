"""Measurements of the cine and the label-propagation paper, repeated."""
