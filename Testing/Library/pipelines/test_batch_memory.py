"""What a batch keeps of each case: a longer one takes no more memory as it goes on."""

import tracemalloc
from itertools import islice

from SlicePropagationLib.commands.batch_progress import BatchProgress, all_told, tell_counts
from SlicePropagationLib.pipelines.batch import BatchRequest
from SlicePropagationLib.pipelines.batch_items import BatchItems
from SlicePropagationLib.pipelines.batch_manifest import MANIFEST, BatchManifest
from SlicePropagationLib.pipelines.outcomes import Outcome, kept, numbered
from SlicePropagationLib.pipelines.propagate_file import PropagateRequest

COUNT = 4000
KEPT_BYTES = 40  # of a case; a name of it alone has more


def growth_a_case(outcomes):
    """Bytes that are kept for each case, from the first quarter of the cases to the last."""
    tracemalloc.start()
    try:
        early = COUNT // 4
        for _ in islice(outcomes, early):
            pass
        before, _ = tracemalloc.get_traced_memory()
        for _ in outcomes:
            pass
        return (tracemalloc.get_traced_memory()[0] - before) / (COUNT - early)
    finally:
        tracemalloc.stop()


def cases(folder):
    names = (f"patient_{number:06d}.nii.gz" for number in range(COUNT))
    return [PropagateRequest(f"/shared/{name}", "seed.nii.gz", folder / name) for name in names]


def test_manifest_and_progress_keep_a_byte_of_a_case_not_what_became_of_it(tmp_path, capsys):
    listed = cases(tmp_path)
    request = BatchRequest(cases="cases.csv", out=tmp_path)
    with BatchProgress(request, is_quiet=True) as progress:
        found = (Outcome(str(tmp_path / case.out.name)) for case in listed)
        told = kept(found, BatchManifest(tmp_path, listed))

        def finished():
            for outcome in numbered(told, COUNT):
                progress.finished(outcome)
                yield

        assert growth_a_case(finished()) < KEPT_BYTES
    assert tell_counts(progress.tally) == 0
    assert f"{COUNT} of {COUNT} cases done, 0 failed" in capsys.readouterr().out
    lines = (tmp_path / MANIFEST).read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[2] for line in lines[1:]] == ["done"] * COUNT


def test_the_page_keeps_what_it_says_of_a_case_in_a_file(tmp_path):
    items = BatchItems()

    def added():
        for number in range(COUNT):
            items.add_done(f"<li>{number}" + "x" * 1000, COUNT - number, number)
            yield

    assert growth_a_case(added()) < KEPT_BYTES
    assert next(items.done()).startswith(f"<li>{COUNT - 1}x")
    assert (items.num_done, items.num_failed) == (COUNT, 0)


def test_what_failed_is_counted_and_told_and_what_was_done_before_is_not_counted_again(capsys):
    found = [Outcome("a"), Outcome("b", "no seed"), Outcome("c", is_skipped=True)]
    with BatchProgress(BatchRequest(cases="cases.csv", out="out"), is_quiet=True) as progress:
        tally = all_told(found, progress)
    assert (tally.num_finished, tally.num_done, tally.num_skipped) == (3, 2, 1)
    assert tell_counts(tally) == 1
    assert capsys.readouterr().out == "2 of 3 cases done, 1 failed\n  b: no seed\n"
