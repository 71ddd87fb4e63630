"""MRML nodes and arrays: the layer between Slicer's scene and the library.

Slicer and vtk, no Qt.
"""
