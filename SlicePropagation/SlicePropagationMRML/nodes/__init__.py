"""MRML nodes and arrays: geometry, segments, sequences, views."""
