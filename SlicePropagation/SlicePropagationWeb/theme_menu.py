"""The menu in the top bar that chooses light or dark; `www/theme.js` does it."""

from trame.widgets import vuetify3

from SlicePropagationWeb.page_parts import tooltip

CHOICES = (
    ("automatic", "As the browser", "mdi-brightness-6"),
    ("light", "Light", "mdi-white-balance-sunny"),
    ("dark", "Dark", "mdi-weather-night"),
)
CHOSEN = "utils.page.theme().choice"


def add_theme_menu() -> None:
    """Add it to the page that is being built."""
    with vuetify3.VBtn(
        icon=True,
        size="36",
        variant="text",
        raw_attrs=['aria-label="Light or dark"', 'data-menu="theme"'],
    ):
        vuetify3.VIcon("mdi-brightness-6", size="20")
        tooltip("Light or dark", "start")
        with (
            vuetify3.VMenu(activator="parent", location="bottom end"),
            vuetify3.VList(density="compact", raw_attrs=['aria-label="Light or dark"']),
        ):
            for choice, text, icon in CHOICES:
                vuetify3.VListItem(
                    title=text,
                    prepend_icon=icon,
                    active=(f"{CHOSEN} === '{choice}'",),
                    click=f"utils.page.chooseTheme('{choice}')",
                    raw_attrs=[f'data-theme-choice="{choice}"'],
                )
