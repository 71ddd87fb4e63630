"""A server and a browser for all tests of the page.

They are skipped, with the reason, where one of them is absent.
"""

import pytest

pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'browser' or 'app'")
playwright = pytest.importorskip(
    "playwright.sync_api",
    reason="needs Playwright, the extra 'browser'",
)

from program import Program
from web_bench import SETTLED_MS, Bench, chromium, open_page, walk_slowly

DIALOG = ".v-overlay--active:not(.v-tooltip)"


@pytest.fixture(scope="session")
def browser():
    with playwright.sync_playwright() as started:
        try:
            browser = chromium(started)
        except playwright.Error as error:
            why = str(error).splitlines()[0]
            pytest.skip(
                "No Chromium: install Debian's package chromium, or run `playwright install"
                f" chromium` ({why})."
            )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("out"))
    yield bench
    bench.stop()


@pytest.fixture
def start():
    """Starts the program in a process of its own.

    What still runs at the end of the test is ended.
    """
    programs = []

    def start(*arguments, **options):
        programs.append(Program(*arguments, **options))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()


@pytest.fixture
def long_run(monkeypatch):
    """A run takes ten seconds, so that a person can act during it.

    However fast the engine is, and however slow the browser.
    """
    walk_slowly(monkeypatch, 0.5)


@pytest.fixture(scope="module")
def opened(bench):
    """The bench with the sample open, and nothing drawn."""
    bench.open_sample("copy")
    return bench


@pytest.fixture
def sample(opened):
    """The same, with nothing said yet."""
    opened.call(opened.application.workflow.say, "")
    return opened


class Tab:
    """The browser's tab that tests use one after another: to load the page takes seconds.

    It is a new one after a test that failed, or left a dialog open.
    """

    def __init__(self, browser, bench):
        self._browser = browser
        self._bench = bench
        self._page = None

    def begin(self):
        """The page with the sample, nothing drawn yet."""
        self._bench.open_sample()
        if self._page is None:
            self._page = open_page(self._browser, self._bench.address)
            self._page.wait_for_selector("[data-slice]", state="attached")
        self._bench.wait_until_shown(self._page)
        self._bench.wait_until_drawn(self._page)
        return self._page

    def end(self, has_failed):
        page = self._page
        assert page is not None
        if has_failed or page.is_closed() or page.locator(DIALOG).count():
            self.close()
        else:
            page.mouse.move(1, 1)  # over nothing
            page.unroute_all()
        assert page.problems == []

    def close(self):
        if self._page is not None:
            self._page.close()
            self._page = None


@pytest.fixture(scope="module")
def tab(browser, bench):
    tab = Tab(browser, bench)
    yield tab
    tab.close()


@pytest.fixture
def page(tab, request):
    """The page with the sample, nothing drawn yet."""
    before = request.session.testsfailed
    yield tab.begin()
    tab.end(request.session.testsfailed > before)


@pytest.fixture(scope="module")
def shared_page(browser, bench):
    """A page with the sample for several short tests; each leaves it as it was, or needs no order."""
    bench.open_sample()
    page = open_page(browser, bench.address)
    page.wait_for_selector("[data-slice]", state="attached")
    bench.wait_until_drawn(page)
    page.wait_for_timeout(SETTLED_MS)
    yield page
    page.close()
    assert page.problems == []
