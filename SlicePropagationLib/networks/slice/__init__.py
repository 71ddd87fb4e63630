"""Networks that predict the mask of a slice from that of its neighbour."""
