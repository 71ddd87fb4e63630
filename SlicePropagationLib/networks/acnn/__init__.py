"""Anatomically constrained networks (Oktay et al., 2018)."""
