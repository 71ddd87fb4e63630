"""Engines that walk with slice-propagation networks; torch."""
