"""Stands in for the Qt side of 3D Slicer.

PySide6 that behaves as PythonQt does, on Slicer's own MRML libraries.
"""
