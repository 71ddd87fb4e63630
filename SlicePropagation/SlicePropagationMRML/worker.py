"""ONE persistent worker thread: it asks a generator for one step at a time and never touches a node."""

import queue
import threading

FINISHED = object()


class StepWorker:
    """Computes steps of generators off the main thread, one at a time.

    The caller owns everything that the generator reads between two steps: it may change it after `poll` returned a
    result and before the next `request`.
    """

    def __init__(self):
        self._requests, self._results = queue.SimpleQueue(), queue.SimpleQueue()
        self._thread = self._asked = None
        self.isBusy = False

    def request(self, steps):
        """Ask for the next step of a generator; its result comes through `poll`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="SlicePropagation", daemon=True)
            self._thread.start()
        self.isBusy, self._asked = True, steps
        self._requests.put(steps)

    def poll(self, timeout=None):
        """(step or FINISHED, error or None) of the last request, or None when it is not ready.

        Args:
            timeout: seconds to wait for it; None not to wait.
        """
        try:
            steps, result = self._results.get(timeout is not None, timeout)
            while steps is not self._asked:         # a step of a run that ended meanwhile: nobody asks for it any more
                steps, result = self._results.get(timeout is not None, timeout)
        except queue.Empty:
            return None
        self.isBusy = False
        return result

    def _work(self):
        while True:
            steps = self._requests.get()
            try:
                self._results.put((steps, (next(steps, FINISHED), None)))
            except Exception as error:          # handed to the main thread, which shows or raises it
                self._results.put((steps, (FINISHED, error)))
