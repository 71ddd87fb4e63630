"""The page: top bar, panel, views and review bar."""

from trame.ui.vuetify3 import VAppLayout
from trame.widgets import client, html, vuetify3
from trame_slicer.app.ui.segmentation import (
    DrawEffectUI,
    PaintEffectUI,
    ScissorsEffectUI,
    ThresholdEffectUI,
)

from SlicePropagationWeb.command_labels import (
    COMMANDS,
    DEVICE_ITEMS,
    LEGEND,
    LEGEND_BELOW,
    TOOLS,
    shown_key,
)
from SlicePropagationWeb.dialogs import add_dialogs

TITLE = "Slice Propagation"


class Page:
    """Builds the page.

    Args:
        server: the trame server.
        name: names of the PanelState's values in the browser.
        views: the Views, which are placed into the page.
    """

    def __init__(self, server, name, views):
        self.name = name
        server.state.trame__title = TITLE
        with VAppLayout(server, theme="dark") as self.layout:
            client.ClientTriggers(mounted="trigger('enter', [utils.page.tab])")
            with html.Div(classes="sp-root", v_if=f"{name.owner} === utils.page.tab"):
                self._top_bar()
                with html.Div(classes="sp-body"):
                    with html.Div(classes="sp-panel"):
                        with html.Div(classes="sp-sections"):
                            self._input_section()
                            self._draw_section()
                            self._propagate_section()
                        self._run_footer()
                    with html.Div(classes="sp-views"):
                        with html.Div(classes="sp-grid"):
                            views.place(self.layout)
                            self._welcome()
                            self._alert()
                        self._review_bar()
            add_dialogs(name)

    # Top bar

    def _top_bar(self):
        name = self.name
        with html.Div(classes="sp-top"):
            html.Img(src="slice_propagation/icon.svg", width="22", height="22", alt="")
            html.Span(TITLE, classes="sp-title")
            _command("open", name, variant="text")
            html.Span(
                f"{{{{ {name.volume_text} }}}}",
                classes="sp-volume ml-3",
                title=(name.volume_text,),
            )
            _command("undo", name, is_icon=True)
            _command("redo", name, is_icon=True)
            html.Div(style="width: 8px")
            _command("save", name, variant="tonal")

    # Panel

    def _input_section(self):
        name = self.name
        with _section("Input"), html.Div(classes="sp-row"):
            html.Span("Volume", classes="sp-label")
            html.Span(
                f"{{{{ {name.volume_name} || 'none is open' }}}}",
                classes="sp-value",
                title=(name.volume_text,),
            )

    def _draw_section(self):
        name = self.name
        with _section("Draw"):
            html.Div(
                "Open a volume to draw on it.",
                classes="sp-faint",
                v_if=f"!{name.volume_name}",
            )
            with html.Div(v_if=name.volume_name):
                self._segment_list()
                with html.Div(classes="sp-row sp-tools sp-gap"):
                    for tool, (text, icon) in TOOLS.items():
                        with vuetify3.VBtn(
                            icon=True,
                            rounded="lg",
                            size="40",
                            variant=(f"{name.tool} === '{tool}' ? 'tonal' : 'text'",),
                            color=(f"{name.tool} === '{tool}' ? '#56B4E9' : ''",),
                            disabled=(f"!!{name.why}.edit",),
                            click=f"trigger('command', ['tool', '{tool}'])",
                            raw_attrs=[f'aria-label="{text}"', f'data-tool="{tool}"'],
                        ):
                            vuetify3.VIcon(icon, size="22")
                            vuetify3.VTooltip(text, activator="parent", location="bottom")
                self._tool_options()
                self._limit()

    def _segment_list(self):
        name = self.name
        with html.Div(
            v_for=f"segment in {name.segments}",
            key="segment.id",
            classes=("['sp-segment', {'sp-chosen': segment.id === " + name.segment_id + "}]",),
            click="trigger('command', ['choose', segment.id])",
        ):
            vuetify3.VIcon("mdi-circle", size="14", color=("segment.color",))
            html.Input(
                value=("segment.name",),
                change="trigger('command', ['rename', segment.id, $event.target.value])",
                raw_attrs=['aria-label="Segment name"'],
            )
            with vuetify3.VBtn(
                icon=True,
                size="26",
                variant="text",
                click_stop="trigger('command', ['toggle', segment.id])",
                raw_attrs=['aria-label="Show or hide"'],
            ):
                vuetify3.VIcon(
                    icon=("segment.visible ? 'mdi-eye-outline' : 'mdi-eye-off-outline'",),
                    size="17",
                )
            with vuetify3.VBtn(
                icon=True,
                size="26",
                variant="text",
                click_stop="trigger('command', ['remove', segment.id])",
                raw_attrs=['aria-label="Delete segment"'],
            ):
                vuetify3.VIcon("mdi-delete-outline", size="17")
        vuetify3.VBtn(
            "Add segment",
            prepend_icon="mdi-plus",
            size="small",
            variant="text",
            click="trigger('command', ['add'])",
            classes="sp-gap",
            disabled=(f"!{name.volume_name}",),
        )

    def _tool_options(self):
        name = self.name
        with html.Div(
            classes="sp-tool-options",
            v_if=f"['paint', 'erase', 'draw', 'threshold', 'scissors'].includes({name.tool})",
        ):
            self.brush = PaintEffectUI(v_if=f"['paint', 'erase'].includes({name.tool})")
            DrawEffectUI(v_if=f"{name.tool} === 'draw'")
            self.threshold = ThresholdEffectUI(v_if=f"{name.tool} === 'threshold'")
            ScissorsEffectUI(v_if=f"{name.tool} === 'scissors'")

    def _limit(self):
        name = self.name
        with html.Div(v_if=name.limit_text, classes="sp-tool-options sp-row"):
            html.Span(f"{{{{ {name.limit_text} }}}}", classes="sp-faint")
            vuetify3.VBtn(
                "Paint everywhere",
                size="small",
                variant="tonal",
                click="trigger('command', ['everywhere'])",
            )

    def _propagate_section(self):
        name = self.name
        with _section("Propagate"):
            with html.Div(classes="sp-row"):
                html.Span("Slices", classes="sp-label")
                with vuetify3.VBtnToggle(
                    model_value=(name.plane,),
                    mandatory=True,
                    density="compact",
                    divided=True,
                    variant="outlined",
                    classes="flex-grow-1",
                    style="height: 32px",
                ):
                    for plane in ("axial", "coronal", "sagittal"):
                        with vuetify3.VBtn(
                            plane.capitalize(),
                            value=plane,
                            size="small",
                            click=f"trigger('command', ['plane', '{plane}'])",
                            disabled=(f"!!{name.why}.choices",),
                            classes="flex-grow-1",
                            raw_attrs=[f'data-plane="{plane}"'],
                        ):
                            vuetify3.VTooltip(
                                f"{{{{ {name.why}.choices || ({name.planes}.find((one) => one.value"
                                f" === '{plane}') || {{}}).title || '{plane.capitalize()}' }}}}",
                                activator="parent",
                                location="bottom",
                                open_delay="300",
                            )
            self._range()
            _select("Direction", name, name.direction, (name.directions,))
            hint = (
                f"{name.why}.choices || ({name.engines}.find((engine) => engine.value ==="
                f" {name.engine}) || {{}}).text"
            )
            _select("Engine", name, name.engine, (name.engines,), hint)
            with html.Div(v_if=name.has_device, classes="sp-gap"):
                _select(
                    "Device",
                    name,
                    name.device,
                    DEVICE_ITEMS,
                    f"{name.why}.choices || 'Where the network runs; automatic takes a GPU where"
                    " there is one'",
                )
            _check("Slice views follow the run", name.follow)

    def _run_footer(self):
        """What starts and ends a run, and what came of it: always in sight, however tall the tool's options are."""
        name = self.name
        with html.Div(classes="sp-footer"):
            with html.Div(classes="sp-row"):
                _command(
                    "propagate",
                    name,
                    v_if=f"!{name.is_running}",
                    is_wide=True,
                    hint="end",
                    variant="flat",
                    color="#0072B2",
                    size="large",
                )
                _command(
                    "stop",
                    name,
                    v_if=name.is_running,
                    is_wide=True,
                    hint="end",
                    is_single=True,
                    variant="flat",
                    color="#D55E00",
                    size="large",
                )
            self._progress()
            html.Div(
                f"{{{{ {name.is_error} ? '' : {name.message} }}}}",
                classes="sp-message",
                raw_attrs=['aria-live="polite"'],
            )

    def _range(self):
        name = self.name
        with html.Div(classes="sp-row"):
            html.Span("Range", classes="sp-label")
            _check(
                "To the end of the structure",
                name.to_the_end,
                f"!!{name.why}.choices || !{name.num_slices}",
            )
        with html.Div(classes="sp-row sp-range", v_if=f"!{name.to_the_end}"):
            html.Span(f"{{{{ {name.span}[0] }}}}", classes="sp-number")
            vuetify3.VRangeSlider(
                v_model=name.span,
                min=0,
                max=(f"Math.max({name.num_slices} - 1, 1)",),
                step=1,
                hide_details=True,
                density="compact",
                strict=True,
                color="#56b4e9",
                disabled=(f"!!{name.why}.choices",),
                thumb_size=14,
                track_size=3,
            )
            html.Span(f"{{{{ {name.span}[1] }}}}", classes="sp-number")

    def _progress(self):
        name = self.name
        with html.Div(v_if=name.is_running, classes="sp-gap"):
            vuetify3.VProgressLinear(
                model_value=(f"{name.num_steps} ? 100 * {name.step} / {name.num_steps} : 0",),
                indeterminate=(f"!{name.num_steps}",),
                height=6,
                rounded=True,
                color="#56B4E9",
            )
            html.Div(
                f"{{{{ {name.progress_text} || 'Getting ready…' }}}}",
                classes="sp-faint sp-gap",
            )
        with html.Div(v_if=name.is_waiting, classes="sp-row", style="margin-top: 10px"):
            _command("keep", name, is_wide=True, variant="flat", color="#00785A")
            _command("discard", name, is_wide=True, variant="tonal")

    # Views

    def _welcome(self):
        name = self.name
        with (
            html.Div(classes="sp-welcome", v_if=f"!{name.volume_name}"),
            html.Div(classes="sp-card"),
        ):
            html.Img(src="slice_propagation/icon.svg", width="72", height="72", alt="")
            html.Div(
                "Annotate one slice; the segmentation grows to its neighbours.",
                classes="text-h6 mt-4",
            )
            html.Div(
                "Open a volume, paint the structure on one slice and press Propagate.",
                classes="sp-faint mt-2 mb-6",
            )
            with html.Div(v_if=f"!{name.loading}", classes="sp-row justify-center"):
                _command("open", variant="flat", color="#0072B2")
                vuetify3.VBtn(
                    "Load the sample",
                    prepend_icon="mdi-image-outline",
                    variant="tonal",
                    classes="text-none",
                    click="trigger('command', ['sample'])",
                )
            with html.Div(v_if=name.loading):
                vuetify3.VProgressCircular(
                    indeterminate=True,
                    size="22",
                    width="2",
                    color="#56B4E9",
                )
                html.Span(f"{{{{ {name.loading} }}}}", classes="ml-3")

    def _alert(self):
        name = self.name
        with html.Div(
            classes="sp-alert",
            v_if=(
                f"{name.is_error} && {name.message} && !{name.is_open_dialog} &&"
                f" !{name.is_save_dialog}"
            ),
        ):  # a dialog says it itself
            vuetify3.VAlert(
                type="error",
                closable=True,
                text=(name.message,),
                density="compact",
                elevation=8,
                click_close=f"{name.is_error} = false; {name.message} = ''",
            )

    # Review

    def _review_bar(self):
        name = self.name
        with html.Div(classes="sp-review"):
            with html.Div(classes="sp-row", style="margin-bottom: 8px"):
                html.Span("Review", classes="sp-heading", style="margin: 0 6px 0 0")
                _command("next", name, variant="tonal", hint="top")
                _command("confirm", name, variant="text", hint="top")
                _command("empty", name, variant="text", hint="top")
                _check("Auto-update after a correction", name.auto_update)
                html.Div(style="flex: 1")
                _check("Show 3D", name.show_3d, f"!{name.volume_name}")
                _command("details", name, variant="text", hint="top")
            self._strip()
            with html.Div(classes="sp-row", style="margin-top: 6px"):
                html.Span(f"{{{{ {name.summary} }}}}", classes="sp-summary")
                with html.Div(classes="sp-legend", title=LEGEND_BELOW):
                    for color, text in LEGEND:
                        with html.Span():
                            html.Span(classes="sp-swatch", style=f"background: {color}")
                            html.Span(text)

    def _strip(self):
        name = self.name
        with html.Div(
            classes=(f"['sp-strip', {{'sp-dense': {name.cells}.length > 120}}]",),
            raw_attrs=['aria-label="Slices"'],
        ):
            with html.Div(
                v_for=f"(cell, i) in {name.cells}",
                key="i",
                title=(f"i === {name.cell} ? {name.cell_text} : ''",),
                raw_attrs=[':data-slice="i"'],
                click="trigger('command', ['jump', i])",
                mouseenter="trigger('command', ['describe', i])",
                classes=(
                    (
                        "['sp-cell', 'sp-' + cell.kind, {'sp-stale': cell.stale, 'sp-absent':"
                        " !cell.shown}]"
                    ),
                ),
            ):
                html.Div(
                    classes="sp-bar",
                    style=("{height: 100 * cell.height + '%', '--mark': cell.color}",),
                )
            html.Div(
                classes="sp-current",
                v_if=f"{name.cells}.length",
                style=(
                    (
                        f"{{left: `calc(${{100 * {name.index} / {name.cells}.length}}% - 1px)`,"
                        f" width: `calc(${{100 / {name.cells}.length}}% + 2px)`}}"
                    ),
                ),
            )


def _section(text):
    section = html.Div(classes="sp-section")
    with section:
        html.Div(text, classes="sp-heading")
    return section


def _select(text, name, value, items, hint=None):
    with html.Div(classes="sp-row"):
        html.Span(text, classes="sp-label")
        with vuetify3.VSelect(
            v_model=value,
            items=items if isinstance(items, tuple) else (items,),
            density="compact",
            variant="outlined",
            hide_details=True,
            disabled=(f"!!{name.why}.choices",),
            raw_attrs=[f'data-choice="{text}"'],
        ):
            vuetify3.VTooltip(
                f"{{{{ {hint or name.why + '.choices'} }}}}",
                activator="parent",
                location="right",
                max_width="320",
                open_delay="300",
                disabled=(f"!({hint or name.why + '.choices'})",),
            )


def _check(text, value, disabled="false"):
    vuetify3.VCheckbox(
        v_model=value,
        label=text,
        density="compact",
        hide_details=True,
        color="#56B4E9",
        classes="sp-check flex-grow-0",
        disabled=(disabled,),
    )


def _command(
    key,
    name=None,
    *,
    is_icon=False,
    is_wide=False,
    is_single=False,
    v_if=None,
    hint="bottom",
    **style,
):
    """A button of `COMMANDS`.

    Where it is disabled, its tooltip says why. `is_single`: the second click of a double click does
    not count.
    """
    command = COMMANDS[key]
    does = command.does + (f" ({shown_key(command.key)})" if command.key else "")
    why = "''" if name is None else f"{name.why}.{command.reason}"
    with html.Div(
        classes="sp-wrap sp-wide" if is_wide else "sp-wrap",
        **({"v_if": v_if} if v_if else {}),
    ):
        vuetify3.VTooltip(
            f"{{{{ {why} || '{does}' }}}}",
            activator="parent",
            location=hint,
            open_delay="300",
        )
        disabled = (f"!!({why})",)
        click = f"{'$event.detail < 2 && ' * is_single}trigger('command', ['{key}'])"
        shared = {"raw_attrs": [f'data-command="{key}"', f'aria-label="{command.text}"']}
        if is_icon:
            with vuetify3.VBtn(
                icon=True,
                size="36",
                variant="text",
                disabled=disabled,
                click=click,
                **shared,
            ):
                vuetify3.VIcon(command.icon, size="20")
        else:
            vuetify3.VBtn(
                command.text,
                prepend_icon=command.icon,
                disabled=disabled,
                click=click,
                **shared,
                **style,
            )
