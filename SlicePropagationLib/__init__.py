"""Propagate a mask from annotated slices through a volume.

Arrays only, no Slicer, and no torch to import it.
"""

__version__ = "0.1.0"
