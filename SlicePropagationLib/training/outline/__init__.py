"""Training of the network that looks at an outline at the resolution of the image."""
