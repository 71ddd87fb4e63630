"""Segmenters of frames: the U-Nets, and the recurrent model."""
