"""Registration networks (VoxelMorph)."""
