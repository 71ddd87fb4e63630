"""How good engines are: a simulated annotator on labelled volumes, scores, statistics, reports."""
