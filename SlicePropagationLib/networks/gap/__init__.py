"""A network that fills a window of successive slices at once."""
