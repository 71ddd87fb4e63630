"""Parts of the page that the browser brings up to date one by one."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trame.widgets import client, html
from trame_client.ui.core import AbstractLayout
from trame_client.widgets.core import HTML_CTX, AbstractElement

if TYPE_CHECKING:
    from trame_server.core import Server


class PagePart(AbstractLayout):
    """What stands in the page as if it were written there; to be filled with `with`.

    A browser draws everything of a template anew where one value in it changes. Each part is a
    template of its own, so that a turn of the wheel does not draw the dialogs again.

    Args:
        server: the trame server.
        name: of the part, lower case.
    """

    def __init__(self, server: "Server", name: str) -> None:
        super().__init__(server, html.Div(trame_server=server, classes="sp-part"), name)

    def place(self) -> None:
        """Put the part into the page, at the current place of its template."""
        client.ServerTemplate(name=self.template_name)


@contextlib.contextmanager
def rendered_once() -> Iterator[None]:
    """While a page is built, have each of its parts write its HTML once, when all of it is there.

    trame writes that of each widget at the end of its `with`, and again for each widget around it:
    half of the time that the page took to build.
    """
    usual = AbstractElement.__exit__
    AbstractElement.__exit__ = lambda self, *_: HTML_CTX.exit(self)
    try:
        yield
    finally:
        AbstractElement.__exit__ = usual
