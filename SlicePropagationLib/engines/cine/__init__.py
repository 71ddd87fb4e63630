"""Engines that walk with recurrent models of sequences; torch."""
