"""Training: one loop, one small task per network, the data they learn from."""
