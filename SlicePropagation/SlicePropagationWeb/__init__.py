"""The annotation workflow as a web page, on Slicer's own components (trame-slicer), for machines without Slicer."""
