"""Engines that walk with trained registration; torch."""
