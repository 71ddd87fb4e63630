"""The page with everything real: server, MRML nodes and engine in this process, and Chromium."""

import asyncio
import functools
import shutil
import threading
import time
from pathlib import Path

import numpy as np

SIZE = {"width": 1280, "height": 800}
AXES = {
    "axial": 0,
    "coronal": 1,
    "sagittal": 2,
}  # the sample's voxel axes are the patient's
SPLEEN = 4  # its label
SEEN = "slice-propagation-first-steps"  # as `www/first_steps.js` keeps it
DIALOGS = (
    "is_open_dialog",
    "is_save_dialog",
    "is_second_dialog",
    "is_first_dialog",
    "is_export",
    "is_details",
    "is_table",
    "is_keys",
)
TURN = "turn_of_a_test"  # a value that nothing on the page depends on
SETTLED_MS = 1000  # after which the views of a volume that was opened show the whole slice
PATIENCE = 180  # seconds; what takes one on a quiet machine takes many on a busy one


@functools.cache
def sample_volume():
    """The generated sample as a library `Volume`, with a quarter of its pixels: runs are shorter."""
    from SlicePropagationLib.pipelines.demo import volume_of
    from SlicePropagationLib.pipelines.phantom_volume import make_sample

    sample = make_sample(shape=(60, 128, 128))
    along_k, along_j, along_i = sample.spacing_mm
    return volume_of(sample.volume, (along_k, 2 * along_j, 2 * along_i)), sample.labels


class Bench:
    """A server in a thread of its own; nodes are looked at through `call`.

    Args:
        out: folder of results.
        data: folders that images may be opened from.
    """

    def __init__(self, out, data=()):
        self.out = Path(out)
        self._data = data
        self._turn = 0
        self._ready = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE), f"The server did not start within {PATIENCE} s."
        if self._problem is not None:
            raise self._problem

    def _serve(self):
        from SlicePropagationWeb.serve import free_port, prepare, start

        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        try:
            port = free_port("127.0.0.1", 0)
            self.application, guard = prepare(
                None,
                self.out,
                data=self._data,
                max_upload_bytes=30 * 1024**2,
            )
            self.address = guard.address("127.0.0.1", port)
            self.application.server.controller.on_server_ready.add(lambda **_: self._ready.set())
            start(self.application, "127.0.0.1", port, thread=True)
        except Exception as problem:
            self._problem = problem
            self._ready.set()

    @property
    def data(self):
        """The PanelState that the browser shows."""
        return self.application.data

    @property
    def controller(self):
        """The SegmentationController."""
        return self.application.controller

    def call(self, function, *arguments, **options):
        """Run a function on the server's thread and return what it returns."""

        async def run():
            with self.application.server.state:
                return function(*arguments, **options)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def stop(self):
        asyncio.run_coroutine_threadsafe(self.application.server.stop(), self.loop).result(30)
        self._thread.join(30)

    def open_sample(self, engine="registration"):
        """Begin anew with the sample, the brush in the hand and an engine without weights."""
        application = self.application

        def begin():
            logic = application.workflow.logic
            logic.stop()
            logic.runToEnd()
            application.workspace.recovery.forget()
            data = application.data
            data.offer = None
            application.opened.show_volume("sample", sample_volume()[0])
            data.engine = engine
            data.after_correction = "never"
            data.direction = "both"
            data.device = "auto"
            data.adapts = False
            data.follow = True
            data.reach = "slice"
            data.reach_span = [0, 0]
            data.outline_mode = "freehand"
            data.scissors = "erase_inside"
            data.margin_unit = "mm"
            data.overwrite = "all"
            data.sphere = False
            data.smart = False
            application.controller.rules.lift_limits()
            application.controller.take("paint")
            for dialog in DIALOGS:
                setattr(data, dialog, False)

        self.call(begin)

    def forget_files(self, folder):
        """Empty the folder of results, but for the program's own folders, or that of uploads."""
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
            elif folder.name == "uploads":
                shutil.rmtree(path)

    def masks(self):
        """(K, J, I) bool of the segment that is chosen, read from its node."""
        from SlicePropagationMRML.nodes.geometry import segmentMask

        controller = self.controller

        def read():
            segment = controller.chosen_id()
            return segmentMask(controller.segmentation, segment, controller.volume).copy()

        return self.call(read)

    def image(self):
        """(K, J, I) voxels of the volume on the page, read from its node."""
        import slicer.util

        volume = self.controller.volume
        return self.call(lambda: slicer.util.arrayFromVolume(volume).copy())

    def mask(self, index):
        """(J, I) bool of the segment that is chosen, on an axial slice."""
        return self.masks()[index]

    def drawn_slices(self, axis=0):
        """Slices of a voxel axis on which the segment that is chosen is."""
        across = tuple(other for other in range(3) if other != axis)
        return np.flatnonzero(self.masks().any(axis=across)).tolist()

    def wait_for_value(self, page, name, value):
        """Wait until the page's state has a value."""
        wait_for(page, lambda: getattr(self.data, name) == value)

    def wait_for_text(self, page, text):
        """Wait until the page's state has a message with a text, whether or not it can be seen."""
        wait_for(page, lambda: text in self.data.message)

    def wait_for_drawn(self, page, slices):
        """Wait until the segment that is chosen is on these axial slices and no others."""
        wait_for(page, lambda: self.drawn_slices() == slices)

    def show_slice(self, index):
        self.call(self.application.workflow.jump, index)

    def pixel(self, page, row, column, index, plane="axial"):
        """Where a voxel is on the browser's page, in the large view of a plane: (x, y)."""
        import vtk
        from SlicePropagationMRML.nodes.geometry import axisOfPlane

        volume = self.controller.volume
        view = self.application.views.view(plane)
        voxel = [row, column]
        voxel.insert(self.call(axisOfPlane, volume, plane), index)

        def project():
            matrix = vtk.vtkMatrix4x4()
            inverse = vtk.vtkMatrix4x4()
            volume.GetIJKToRASMatrix(matrix)
            point = matrix.MultiplyPoint([*reversed(voxel), 1.0])
            vtk.vtkMatrix4x4.Invert(view.get_view_node().GetXYToRAS(), inverse)
            return inverse.MultiplyPoint(point)[:2]

        x, y = self.call(project)
        box = large_view(page)
        return box["x"] + x, box["y"] + box["height"] - y

    def stroke(self, page, index, voxels, plane="axial"):
        """Draw with the mouse through (row, column) voxels of a slice of a plane."""
        points = [self.pixel(page, row, column, index, plane) for row, column in voxels]
        page.mouse.move(*points[0])
        page.mouse.down()
        for x, y in points:
            page.mouse.move(x, y, steps=4)
        page.mouse.up()

    def wait_until_shown(self, page):
        """Wait until a browser's page shows what the server has told it so far."""
        self._turn += 1
        turn = self._turn
        self.call(lambda: self.application.server.state.update({TURN: turn}))
        page.wait_for_function(f"turn => window.trame.state.get('{TURN}') === turn", arg=turn)
        page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def wait_until_drawn(self, page, plane="axial"):
        """Wait until the large view has the size that it has on the browser's page."""
        view = self.application.views.view(plane)

        def has_its_size():
            box = large_view(page)
            if box is None:
                return False
            size = self.call(lambda: view.render_window().GetSize())
            return np.allclose(size, (box["width"], box["height"]), atol=2)

        wait_for(page, has_its_size)

    def paint_spleen(self, page, index, plane="axial"):
        """Paint along the middle of the sample's spleen on one slice."""
        self.wait_until_drawn(page, plane)
        self.show_slice(index)
        self.wait_for_value(page, "index", index)
        self.stroke(page, index, middle_line(index, plane), plane)


def walk_slowly(monkeypatch, seconds):
    """Have each slice of a run take longer by so many seconds, until the test ends."""
    from SlicePropagationMRML.run.slice_run import SliceRun

    walk = SliceRun._walk

    def walk_and_wait(*arguments):
        for step in walk(*arguments):
            time.sleep(seconds)
            yield step

    monkeypatch.setattr(SliceRun, "_walk", walk_and_wait)


def middle_line(index, plane):
    """(row, column) of voxels along the middle of the sample's spleen on one slice."""
    spleen = sample_volume()[1].take(index, AXES[plane]) == SPLEEN
    rows = np.flatnonzero(spleen.any(axis=1))[3:-3:3]
    return [(int(row), float(np.flatnonzero(spleen[row]).mean())) for row in rows]


def large_view(page):
    """Where the large view is on the page: {"x", "y", "width", "height"}, or None."""
    return page.locator(".remote-controlled-area").first.bounding_box()


def chromium(playwright):
    """A headless Chromium.

    Debian's where it is installed, else the one that `playwright install chromium` brought.
    """
    path = shutil.which("chromium") or shutil.which("google-chrome")
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


def open_page(browser, address, size=SIZE, is_first=False, patience_s=90):
    """A new tab with the page, once it is ready for clicks.

    It remembers every address that it asked for.

    Args:
        browser: of Playwright.
        address: of the page.
        size: of the window, in pixels.
        is_first: whether nobody has seen the page in this browser, so that it shows its first steps.
        patience_s: how long anything on it may take.
    """
    page = browser.new_page(viewport=size, color_scheme="dark")
    page.set_default_timeout(1000 * patience_s)
    page.asked = []
    page.problems = []
    if not is_first:
        page.add_init_script(f"localStorage.setItem('{SEEN}', 'seen')")
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(address)
    return page


def wait_for(page, condition, seconds=90, every=0.1):
    """Wait until a condition holds; say which one did not."""
    for _ in range(int(seconds / every)):
        if condition():
            return
        page.wait_for_timeout(1000 * every)
    what = condition.__doc__ or condition
    says = page.locator(".sp-message").all_inner_texts()
    raise AssertionError(f"After {seconds} s it does not hold: {what}; the page says: {says}")
