"""The certificate of a page that talks TLS."""

import ssl
from pathlib import Path

from SlicePropagationLib.errors import ConfigError


def encryption(
    certificate: Path | str | None,
    key: Path | str | None = None,
) -> ssl.SSLContext | None:
    """What encrypts the connections; None without a certificate.

    Args:
        certificate: PEM file, of the certificate and those between it and its root.
        key: PEM file of the private key; None where the certificate's file holds it.

    Raises:
        ConfigError: there is a key alone, a file cannot be read, or the two do not belong together.
    """
    if certificate is None:
        if key is not None:
            raise ConfigError(f"The key {key} has no certificate; name it with --certificate.")
        return None
    for path in filter(None, (certificate, key)):
        _check_readable(Path(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{certificate} and {key or 'the key in it'} cannot be used for encryption ({error});"
            " name a certificate with --certificate and its key, without a password, with --key,"
            " both as PEM files."
        ) from error
    return context


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); name a PEM file.") from error


def _no_password() -> bytes:
    """A key with a password would be asked for at the terminal, also where nobody is."""
    raise ValueError("the key has a password")
