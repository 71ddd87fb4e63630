"""The anatomically constrained networks: what is trained, on what."""
