"""The list of cases, and what the top bar says of the one that is open."""

from collections.abc import Mapping

from trame.widgets import html, vuetify3

from SlicePropagationWeb.case_order import ALL, BY_NAME, DOUBT, GIVEN
from SlicePropagationWeb.case_records import NEW, REVIEWED, SAVED, STARTED
from SlicePropagationWeb.page_parts import (
    BLUE,
    command_button,
    command_icon,
    give,
    list_name,
    shown,
    tooltip,
)
from SlicePropagationWeb.panel_state import StateNames

ROW_PX = 64  # height of a row; `worklist.js` and `page.css` have the same
TO_TOP = "utils.page.topOfCases()"
STATUS_TEXTS = {
    ALL: "All",
    NEW: "New",
    STARTED: "Started",
    SAVED: "Saved",
    REVIEWED: "Reviewed",
}
ELSEWHERE_TEXTS = {"open": "In use", "saved": "Saved"}
HEADS = (
    ("Case", "sp-case-text"),
    ("Confidence", "sp-case-trust"),
    ("Annotated", "sp-case-count"),
    ("Time", "sp-case-time"),
    ("Status", "sp-status"),
)
ORDER_ITEMS = [
    {"title": "Most doubtful first", "value": DOUBT},
    {"title": "As in the table", "value": GIVEN},
    {"title": "By name", "value": BY_NAME},
]


def add_case_bar(name: StateNames) -> None:
    """Add the buttons of the worklist to the top bar that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(v_if=name.has_cases, classes="sp-case-bar"):
        command_button("cases", variant="text")
        html.Span(
            shown(f"{name.case}.place"),
            v_if=f"{name.case}.name",
            classes="sp-case-place",
        )


def add_case_buttons(name: StateNames) -> None:
    """Add what goes on to the next case to the top bar that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with html.Div(v_if=name.has_cases, classes="sp-case-bar"):
        with html.Div(
            v_if=f"{name.case}.name",
            classes=(f"{{'sp-case-bar': true, 'sp-is-reviewed': {name.case}.is_reviewed}}",),
        ):
            command_icon("reviewed", name)
        command_icon("next_case", name)
        command_button(
            "save_next",
            name,
            v_if=f"{name.case}.name",
            variant="flat",
            color=BLUE,
            classes="text-none ml-2",
            is_single=True,
            loading=(name.is_saving,),
        )


def add_worklist_dialog(name: StateNames) -> None:
    """Add the list of cases to the page that is being built.

    Args:
        name: names of the PanelState's values in the browser.
    """
    with (
        vuetify3.VDialog(
            v_model=name.is_cases,
            max_width="1040",
            classes="sp-worklist",
            scrollable=True,
            raw_attrs=['aria-label="Cases"'],
        ),
        vuetify3.VCard(
            classes=(f"{{'sp-many': {name.cases}.counts && {name.cases}.counts.all > 8}}",)
        ),
    ):
        with html.Div(classes="sp-worklist-head"):
            html.Span("Cases", classes="text-h6")
            html.Span(shown(f"{name.cases}.note"), classes="sp-faint")
            html.Div(style="flex: 1")
            command_button("export", variant="tonal", size="small")
        html.Div(
            shown(f"{name.cases}.refusal"),
            v_if=f"{name.cases}.refusal",
            classes="sp-refusal",
            raw_attrs=['role="alert"'],
        )
        with html.Div(classes="sp-worklist-filter"):
            _add_find(name)
            _add_statuses(name)
            _add_orders(name)
        with html.Div(classes="sp-case-row sp-case-heads", raw_attrs=['aria-hidden="true"']):
            for text, part in HEADS:
                html.Div(text, classes=part)
        _add_rows(name)
        with vuetify3.VCardActions():
            html.Span(_found_text(name), classes="sp-faint ml-2")
            vuetify3.VSpacer()
            vuetify3.VBtn("Close", classes="text-none", click=f"{name.is_cases} = false")


def _found_text(name: StateNames) -> str:
    return shown(
        f"{name.cases}.counts && {name.cases}.found < {name.cases}.counts.all"
        f" ? `${{{name.cases}.found}} of ${{{name.cases}.counts.all}} cases` : ''"
    )


def _add_find(name: StateNames) -> None:
    html.Input(
        v_model=(name.cases_find,),
        type="search",
        placeholder="Find by name or folder",
        classes="sp-typed sp-find",
        raw_attrs=['aria-label="Find cases"', f'@input="{TO_TOP}"'],
    )


def _add_statuses(name: StateNames) -> None:
    with html.Div(classes="sp-statuses", raw_attrs=['role="group"', 'aria-label="Status"']):
        for status, text in STATUS_TEXTS.items():
            html.Button(
                f"{text} {shown(f'{name.cases}.counts ? {name.cases}.counts.{status} : 0')}",
                click=f"{name.cases_status} = '{status}'; {TO_TOP}",
                classes=(
                    f"{{'sp-status-filter': true, 'sp-on': {name.cases_status} === '{status}'}}",
                ),
                raw_attrs=[
                    f'data-status="{status}"',
                    f":aria-pressed=\"{name.cases_status} === '{status}'\"",
                ],
            )


def _add_orders(name: StateNames) -> None:
    vuetify3.VSelect(
        v_model=name.cases_order,
        items=(ORDER_ITEMS,),
        density="compact",
        variant="outlined",
        hide_details=True,
        classes="sp-orders",
        update_modelValue=TO_TOP,
        raw_attrs=['data-choice="Order"', *list_name("Order")],
    )


def _add_rows(name: StateNames) -> None:
    """The rows that are there, at their places in a box as high as all of them."""
    with html.Div(
        classes="sp-rows",
        raw_attrs=[
            '@scroll.passive="utils.page.scrollCases($event.target)"',
            f'@vue:mounted="({{el}}) => utils.page.showCases(el, {name.cases}.top || 0)"',
        ],
    ):
        html.Div(
            "No case is found. Take a word away, or choose another status.",
            v_if=f"{name.cases}.found === 0",
            classes="sp-faint sp-none-found",
        )
        with html.Div(
            style=(f"{{height: ({name.cases}.found || 0) * {ROW_PX} + 'px'}}",),
            classes="sp-rows-all",
        ):
            _add_row(name)


def _add_row(name: StateNames) -> None:
    with html.Div(
        v_for=f"(row, number) in {name.cases}.rows",
        key="row.name",
        classes=(f"{{'sp-case-row': true, 'sp-chosen': row.name === {name.cases}.current}}",),
        style=(f"{{top: ({name.cases}.first + number) * {ROW_PX} + 'px'}}",),
        click=give("open_case", "row.name"),
        raw_attrs=[
            'role="button"',
            'tabindex="0"',
            ':data-case="row.name"',
            f'@keydown.enter="{give("open_case", "row.name")}"',
        ],
    ):
        html.Img(
            src=("`thumbnail/${encodeURIComponent(row.name)}?tab=${utils.page.tab}`",),
            raw_attrs=[
                'loading="lazy"',
                'alt=""',
                "@error=\"$event.target.style.visibility = 'hidden'\"",
            ],
        )
        with html.Div(classes="sp-case-text"):
            html.Div(shown("row.name"), classes="sp-case-name")
            html.Div(
                shown("row.by || row.image"), classes="sp-faint sp-case-image", title=("row.path",)
            )
        with html.Div(classes="sp-case-trust"):
            html.Span(shown("row.trust"))
            tooltip(shown("row.doubt"), "top", disabled=("!row.doubt",))
        html.Div(
            shown(
                "row.annotated ? row.annotated === 1 ? '1 slice' : `${row.annotated} slices` : ''"
            ),
            classes="sp-case-count",
        )
        html.Div(shown("row.time"), classes="sp-case-time")
        with html.Span(
            classes=("`sp-status sp-status-${row.elsewhere || row.status}`",),
            raw_attrs=[':data-elsewhere="row.elsewhere"'],
        ):
            html.Span(shown(f"{_elsewhere()}[row.elsewhere] || {_texts()}[row.status]"))
            tooltip(shown("row.by"), "top", disabled=("!row.by",))


def _texts() -> str:
    return _object(STATUS_TEXTS)


def _elsewhere() -> str:
    return _object(ELSEWHERE_TEXTS)


def _object(texts: Mapping[str, str]) -> str:
    """Texts by name, as the browser writes them."""
    pairs = ", ".join(f"{key}: '{text}'" for key, text in texts.items())
    return f"({{{pairs}}})"
