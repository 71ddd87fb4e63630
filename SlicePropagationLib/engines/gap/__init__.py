"""An engine that fills a whole gap at once with a trained network; torch."""
