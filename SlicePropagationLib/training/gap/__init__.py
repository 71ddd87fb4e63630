"""Training of the network that fills a whole gap at once."""
