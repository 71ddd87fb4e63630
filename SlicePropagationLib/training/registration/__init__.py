"""VoxelMorph: what is trained, on what."""
