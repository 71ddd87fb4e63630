"""From thick slices to a fine grid: segmenter, shape models."""
