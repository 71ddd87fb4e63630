"""Networks for cine sequences (Bai et al., 2018)."""
