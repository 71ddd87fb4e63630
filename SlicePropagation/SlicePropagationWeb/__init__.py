"""The annotation workflow as a web page, for machines without Slicer.

It runs on Slicer's own components (trame-slicer).
"""
