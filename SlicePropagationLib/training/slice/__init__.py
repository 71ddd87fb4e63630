"""The slice-propagation network: what is trained, on what."""
