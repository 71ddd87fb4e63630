"""Models that need no seed, and the grids that they look at; torch."""
