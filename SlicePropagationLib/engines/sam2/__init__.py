"""The engine around SAM 2, with weights that a person has; the package `sam2` is not ours."""
