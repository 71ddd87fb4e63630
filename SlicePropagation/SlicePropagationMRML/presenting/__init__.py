"""What panel, page and effect show and say: plain values and sentences, without a window."""
