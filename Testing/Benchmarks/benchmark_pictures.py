"""What a picture of the page costs while the wheel turns, and so how many come in a second.

    python Testing/Benchmarks/benchmark_pictures.py

The program runs in this process, with headless Chromium beside it. Processor time, which other work
on the machine changes little, stands beside the time on the clock.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from functools import wraps
from pathlib import Path
from types import SimpleNamespace

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = [CHECKOUT, CHECKOUT / "SlicePropagation", CHECKOUT / "Testing" / "Web"]
sys.path[:0] = map(str, [*SOURCES, Path(__file__).parent])

from benchmark_gestures import SIZE, SPIN
from playwright.sync_api import sync_playwright
from SlicePropagationWeb import render_throttle
from SlicePropagationWeb.pointer_path import PointerPathAdapter
from SlicePropagationWeb.render_throttle import RenderThrottle
from trame_slicer.rca_view import rca_view_factory
from web_bench import Bench, chromium, open_page

SECONDS = 5
COUNTED = "Red"  # the large view
KINDS = (
    "event of the wheel",
    f"drawing {COUNTED}",
    "drawing others",
    "of drawing: copying it out",
    "encoding",
    "state",
)
BROWSER = {
    "TaskDuration": "all of it",
    "ScriptDuration": "scripts",
    "RecalcStyleDuration": "styles",
    "LayoutDuration": "layout",
}
FRAMES = """() => {
  window.frames_seen = 0;
  const count = () => { window.frames_seen += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""


class Costs:
    """What each kind of work took, call by call.

    Attributes:
        clock, thread: {what: [seconds]}, on the clock and of the processor by the thread that did it.
        process: {what: [seconds]} of the processor by all threads meanwhile.
    """

    def __init__(self):
        self.clock = defaultdict(list)
        self.thread = defaultdict(list)
        self.process = defaultdict(list)
        self.is_on = False

    def count(self, what, function):
        """The function, counted."""

        @wraps(function)
        def counted(*arguments, **options):
            if not self.is_on:
                return function(*arguments, **options)
            before = time.perf_counter(), time.thread_time(), time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                after = time.perf_counter(), time.thread_time(), time.process_time()
                lists = (self.clock, self.thread, self.process)
                for list_of, end, begin in zip(lists, after, before, strict=True):
                    list_of[what].append(end - begin)

        return counted

    def tell(self, what):
        """A line: how often, and the medians."""
        if not self.clock[what]:
            return f"  {what:34s} did not happen"
        medians = (
            1000 * statistics.median(each[what]) for each in (self.clock, self.thread, self.process)
        )
        count = len(self.clock[what]) / SECONDS
        return f"  {what:34s} {count:5.1f} a second" + "".join(f"{each:9.1f}" for each in medians)


def main():
    costs = Costs()
    install(costs)
    print(f"{os.cpu_count()} cores, load average before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as out, sync_playwright() as playwright:
        browser = chromium(playwright)
        bench = Bench(out)
        page = open_page(browser, bench.address, SIZE)
        page.get_by_text("Load the sample").click()
        page.wait_for_selector("[data-slice]", state="attached")
        page.wait_for_timeout(3000)
        page.evaluate(SPIN, 1)  # the first pictures are made ready
        page.evaluate(FRAMES)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        began, spent = bench.call(time.thread_time), browser_seconds(session)
        costs.is_on = True
        rate = page.evaluate(SPIN, SECONDS)
        costs.is_on = False
        busy = (bench.call(time.thread_time) - began) / SECONDS
        after = browser_seconds(session)
        frames = page.evaluate("() => window.frames_seen") / SECONDS
        page.close()
        bench.stop()
        browser.close()
    print(f"Pictures of the large view: {rate:.0f} a second")
    print(f"The thread that answers and draws used {100 * busy:.0f} % of a core")
    print(f"The browser drew {frames:.0f} frames a second; its main thread used, of a core:")
    for key, what in BROWSER.items():
        print(f"  {what:34s} {100 * (after[key] - spent[key]) / SECONDS:5.0f} %")
    print(f"  {'median, ms':34s} {'':14s}    clock   thread  process")
    for what in KINDS:
        print(costs.tell(what))


def browser_seconds(session):
    """{name of a metric of Chromium: seconds so far}."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def install(costs):
    """Count what a picture is made by."""
    draw = RenderThrottle._render_frame
    large = costs.count(f"drawing {COUNTED}", draw)
    others = costs.count("drawing others", draw)
    RenderThrottle._render_frame = lambda self, quality: (
        large if self.name == COUNTED else others
    )(self, quality)
    manager = rca_view_factory.vtkMRMLLayerDisplayableManager
    copy = costs.count("of drawing: copying it out", manager.RenderWindowBufferToImage)
    rca_view_factory.vtkMRMLLayerDisplayableManager = SimpleNamespace(
        RenderWindowBufferToImage=copy
    )
    render_throttle._encoded = costs.count("encoding", render_throttle._encoded)
    take = PointerPathAdapter.on_interaction
    PointerPathAdapter.on_interaction = costs.count("event of the wheel", take)
    from trame_server.state import State

    State.flush = costs.count("state", State.flush)


if __name__ == "__main__":
    main()
