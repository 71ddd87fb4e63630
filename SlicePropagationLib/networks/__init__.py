"""Networks: torch modules that take tensors and return logits.

They know nothing of files, sessions or slice order.
"""
