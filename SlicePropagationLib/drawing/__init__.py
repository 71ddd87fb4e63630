"""What a person's tools make of one slice: masks and images in, masks out."""
