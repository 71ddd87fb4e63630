"""The segmenter of the PNets."""
