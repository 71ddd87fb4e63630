"""Measurements of the pancreas paper, repeated."""
