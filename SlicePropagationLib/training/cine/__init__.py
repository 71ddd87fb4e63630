"""Networks for cine sequences: what is trained, on what."""
