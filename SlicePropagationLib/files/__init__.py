"""Files and tables: what is read and written, and every check of it that a person can act on."""
