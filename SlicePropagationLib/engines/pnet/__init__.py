"""What the BiRNN makes of an engine's walk; torch."""
