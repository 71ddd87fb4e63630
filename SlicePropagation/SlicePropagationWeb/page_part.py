"""Parts of the page that the browser brings up to date one by one."""

from typing import TYPE_CHECKING

from trame.widgets import client, html
from trame_client.ui.core import AbstractLayout

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
