"""PNet-MSA, its relatives and the BiRNN (Cai et al., 2018)."""
