"""What the command line says of the page and the page keeps to; imports nothing."""

DEFAULT_PORT = 8642
MAX_UPLOAD_MIB = 4096
MAX_UPLOAD_BYTES = MAX_UPLOAD_MIB * 1024**2
