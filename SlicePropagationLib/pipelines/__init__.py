"""One file for each thing a person asks for: from files to files, headless."""
