"""The outline of what a walk found, looked at once more at the resolution of the image."""
