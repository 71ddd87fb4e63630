"""MRML nodes and arrays: the layer between Slicer's scene and the library; slicer and vtk, no Qt."""
