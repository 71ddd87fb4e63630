"""The Qt panel of the Slicer module, written for PythonQt."""
