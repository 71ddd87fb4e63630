"""Measurements of the anatomically constrained networks, repeated."""
