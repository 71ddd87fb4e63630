"""The page: top bar, panel, views and review bar."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html

from SlicePropagationWeb.command_labels import SCOPE_ITEMS
from SlicePropagationWeb.dialogs import add_dialogs
from SlicePropagationWeb.draw_section import add_draw_section
from SlicePropagationWeb.page_part import PagePart
from SlicePropagationWeb.page_parts import (
    command_button,
    command_icon,
    section,
    select,
    shown,
)
from SlicePropagationWeb.page_views import PageViews
from SlicePropagationWeb.panel_state import StateNames
from SlicePropagationWeb.propagate_section import add_propagate_section, add_run_footer
from SlicePropagationWeb.review_bar import add_cells, add_review_bar
from SlicePropagationWeb.theme_menu import add_theme_menu
from SlicePropagationWeb.view_bar import add_view_bar
from SlicePropagationWeb.welcome import add_alert, add_opening, add_welcome
from SlicePropagationWeb.worklist_dialog import add_case_bar, add_case_buttons

if TYPE_CHECKING:
    from trame_server.core import Server

TITLE = "Slice Propagation"


class Page:
    """Builds the page.

    Args:
        server: the trame server.
        name: names of the PanelState's values in the browser.
        views: the PageViews, which are placed into the page.
    """

    def __init__(
        self,
        server: "Server",
        name: StateNames,
        views: PageViews,
    ) -> None:
        self.name = name
        server.state.trame__title = TITLE
        self._parts = {part: PagePart(server, part) for part in self._builders()}
        for part, build in self._builders().items():
            with self._parts[part]:
                build()
        with VAppLayout(server) as self.layout:
            begin = "utils.page.beginTheme($vuetify); trigger('enter', [utils.page.tab])"
            client.ClientTriggers(mounted=begin)
            with html.Div(classes="sp-root", v_if=f"{name.owner} === utils.page.tab"):
                self._parts["top"].place()
                with html.Div(classes="sp-body"):
                    with html.Div(classes="sp-panel"):
                        self._parts["sections"].place()
                        self._parts["footer"].place()
                    self._views(views)
            self._parts["dialogs"].place()

    def _builders(self) -> dict[str, Callable[[], None]]:
        """What fills the parts of the page."""
        name = self.name
        return {
            "top": self._top_bar,
            "sections": self._sections,
            "footer": lambda: add_run_footer(name),
            "cells": lambda: add_cells(name),
            "review": lambda: add_review_bar(name, self._parts["cells"]),
            "dialogs": lambda: add_dialogs(name),
        }

    def _top_bar(self) -> None:
        name = self.name
        with html.Div(classes="sp-top"):
            html.Img(
                src="slice_propagation/icon.svg",
                width="22",
                height="22",
                alt="",
            )
            html.Span(TITLE, classes="sp-title")
            command_button("open", name, variant="text")
            add_case_bar(name)
            html.Span(
                shown(name.volume_text),
                classes="sp-volume ml-3",
                title=(name.volume_text,),
            )
            command_icon("undo", name)
            command_icon("redo", name)
            html.Div(style="width: 8px")
            command_button("save", name, variant="tonal")
            add_case_buttons(name)
            add_theme_menu()

    def _sections(self) -> None:
        with html.Div(classes="sp-sections"):
            self._input_section()
            add_draw_section(self.name)
            add_propagate_section(self.name)

    def _input_section(self) -> None:
        name = self.name
        with section("Input"):
            with html.Div(classes="sp-row"):
                html.Span("Volume", classes="sp-label")
                html.Span(
                    shown(f"{name.volume_name} || 'none is open'"),
                    classes="sp-value",
                    title=(name.volume_text,),
                )
            hint = f"{name.why}.choices || 'Which segments the next run fills'"
            select("Segments", name, name.scope, SCOPE_ITEMS, hint)

    def _views(self, views: PageViews) -> None:
        with html.Div(classes="sp-views"):
            add_view_bar(self.name)
            with html.Div(classes="sp-grid"):
                views.place(self.layout)
                add_opening(self.name)
                add_welcome(self.name)
                add_alert(self.name)
            self._parts["review"].place()
