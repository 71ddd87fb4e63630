"""The fixture of the tests on the host."""

from host.fixtures import application  # noqa: F401
