"""What axe-core calls a serious fault on the page, in either theme."""

import pytest

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright",
    reason="needs axe-playwright-python, the extra 'browser'",
)

AXE = axe.Axe()
SERIOUS = ("serious", "critical")
SCHEMES = ("dark", "light")
FADED_MS = 350  # after which colours of what fades in or out are its own


def faults(page, part=None):
    """A line for each place with a serious fault.

    In the light theme, which the page takes over from the browser, colours alone can be others.

    Args:
        page: of Playwright.
        part: selector of what is looked at; without it, the whole page.
    """
    found = []
    if not page.evaluate("!!window.axe"):
        page.evaluate(AXE.axe_script)
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            "name => document.documentElement.dataset.theme === name", arg=scheme
        )
        page.wait_for_timeout(FADED_MS)
        found += _faults(page, part, scheme)
    page.emulate_media(color_scheme="dark")
    return found


def _faults(page, part, scheme):
    only = {"runOnly": ["color-contrast"]} if scheme == "light" else {}
    options = {"resultTypes": ["violations"], **only}
    run = "([part, options]) => axe.run(part || document, options).then((all) => all.violations)"
    return [
        f"{scheme}, {fault['id']}: {fault['help']}: {node['target']} {node['html'][:160]}"
        for fault in page.evaluate(run, [part, options])
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]
