"""PNet-MSA and the BiRNN: what is trained, on what."""
