"""The ring of the brush and the stroke are in the browser at once, whatever the server does."""

import threading

import pytest
from at_the_page import SEED, click, seed, wait_for_message
from web_bench import large_view, wait_for

# Where the large view's canvas is painted, in pixels of the page: {"number", "left", "right"}.
PAINTED = """() => {
  const canvas = document.querySelector("[data-brush=Red]");
  const { width, height } = canvas;
  const ratio = width / canvas.clientWidth;
  const values = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const columns = [];
  for (let i = 3; i < values.length; i += 4) if (values[i]) columns.push(((i - 3) / 4) % width);
  const ends = [Math.min(...columns), Math.max(...columns)].map((column) => column / ratio);
  return { number: columns.length, left: ends[0], right: ends[1] };
}"""
RESTING = (20, 64)  # (row, column) of a voxel in the air, away from the strokes
LINE = [(50, 40), (60, 40), (70, 50)]


@pytest.fixture
def held(bench):
    """Holds the server, so that it answers nothing, until the returned function is called."""
    go = threading.Event()
    holds = threading.Event()

    def hold():
        holds.set()
        go.wait(60)

    def begin():
        bench.loop.call_soon_threadsafe(hold)
        assert holds.wait(60)
        return go.set

    yield begin
    go.set()


def painted(page):
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return page.evaluate(PAINTED)


def places(page, bench, voxels=LINE):
    """Where voxels are on the page; asked before the server is held."""
    return [bench.pixel(page, row, column, SEED) for row, column in voxels]


def drag(page, points):
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=4)


def show(page, bench):
    bench.show_slice(SEED)
    bench.wait_for_value(page, "index", SEED)
    bench.wait_until_shown(page)


def test_ring_and_stroke_are_there_while_the_server_is_held_and_go_with_its_picture(
    page, bench, held
):
    show(page, bench)
    line = places(page, bench)
    [rest] = places(page, bench, [RESTING])
    pixels_of_a_mm = large_view(page)["width"] / bench.data.corners["Red"]["plane"]["width"]
    diameter = bench.data.brush_mm * pixels_of_a_mm
    page.mouse.move(1, 1)
    assert painted(page)["number"] == 0

    release = held()
    page.mouse.move(*line[0])
    ring = painted(page)
    assert ring["right"] - ring["left"] == pytest.approx(diameter, abs=5)
    drag(page, line)
    during = painted(page)["number"]
    assert during > 3 * ring["number"]
    page.mouse.up()
    page.mouse.move(*rest)
    page.wait_for_timeout(2500)  # longer than a stroke waits for its picture, once it is taken
    assert painted(page)["number"] >= during

    release()
    wait_for(page, lambda: painted(page)["number"] == pytest.approx(ring["number"], abs=20))
    bench.wait_for_drawn(page, [SEED])
    page.mouse.move(1, 1)
    assert painted(page)["number"] == 0


def test_a_stroke_that_is_refused_goes_away(page, bench):
    show(page, bench)
    line = places(page, bench)
    rules = bench.controller.rules
    bench.call(rules.toggle_lock, bench.data.segment_id)
    drag(page, line)
    page.mouse.up()
    bench.wait_for_text(page, "Spleen is locked")
    page.mouse.move(1, 1)
    wait_for(page, lambda: painted(page)["number"] == 0)
    assert bench.drawn_slices() == []


def test_only_the_brushes_have_a_ring_and_what_scrolls_away_takes_no_stroke_along(
    page, bench, held
):
    seed(page, bench)
    line = places(page, bench)
    page.click("[data-tool=window]")
    bench.wait_for_value(page, "tool", "window")
    bench.wait_until_shown(page)
    page.mouse.move(*line[0])
    assert painted(page)["number"] == 0
    page.click("[data-tool=erase]")
    bench.wait_for_value(page, "tool", "erase")
    bench.wait_until_shown(page)
    page.mouse.move(*line[0])
    assert painted(page)["number"] > 0
    held_on = held()
    drag(page, line)
    page.mouse.up()
    page.mouse.move(1, 1)
    assert painted(page)["number"] > 0
    # What the server would say once it shows another slice.
    page.evaluate(
        """() => {
          const name = "work__PanelState__corners";
          const corners = structuredClone(window.trame.state.get(name));
          corners.Red.plane.depth += 3;
          window.trame.state.state[name] = corners;
        }"""
    )
    page.mouse.move(2, 2)
    assert painted(page)["number"] == 0
    held_on()
    click(page, "undo")
    wait_for_message(page, "Undone")
