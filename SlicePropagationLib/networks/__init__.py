"""Networks: torch modules that take tensors and return logits; they know nothing of files, sessions or slice order."""
