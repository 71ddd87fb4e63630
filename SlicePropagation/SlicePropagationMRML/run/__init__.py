"""The logic: what is annotated, and at most one run of it."""
