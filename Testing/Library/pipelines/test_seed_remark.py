"""A seed in which nearly every slice is annotated is said to be one."""

from case_files import make_case
from phantoms import blank_stack, square

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.pipelines.seed_remark import remark_on_finished
from SlicePropagationLib.session import AnnotationSession


def propagate(case, out, *options):
    files = ["--image", str(case["image"]), "--seed", str(case["seed"]), "--out", str(out)]
    return main(["propagate", *files, "--engine", "copy", "--quiet", *options])


def test_a_seed_that_is_annotated_on_nearly_every_slice_is_said_to_be_finished(tmp_path, caplog):
    case = make_case(tmp_path, slices=(3, 4, 5, 6, 8, 9, 10, 11, 12))
    assert propagate(case, tmp_path / "o.nii.gz") == 0
    assert "looks like a finished segmentation" in caplog.text
    assert "label 1 is annotated on 9 of the 10 slices 3 to 12" in caplog.text


def test_a_few_slices_are_a_seed_like_any_other(tmp_path, caplog):
    case = make_case(tmp_path, slices=(3, 4, 5, 6, 7, 8))
    assert propagate(case, tmp_path / "o.nii.gz") == 0
    assert "finished" not in caplog.text


def test_many_slices_with_gaps_between_are_a_seed_like_any_other():
    session = AnnotationSession(blank_stack(40))
    for index in range(4, 36, 2):
        session.annotate(1, index, square(4, 4, 8))
    assert remark_on_finished(session, "seed.nii.gz") is None
    for index in range(5, 36, 2):
        session.annotate(1, index, square(4, 4, 8))
    assert "32 of the 32 slices 4 to 35" in remark_on_finished(session, "seed.nii.gz")


def test_slices_that_a_table_names_as_drawn_are_not_doubted(tmp_path, caplog):
    case = make_case(tmp_path, slices=range(3, 13))
    assert propagate(case, tmp_path / "first.nii.gz") == 0
    caplog.clear()
    again = case | {"seed": tmp_path / "first.nii.gz"}
    table = ["--anchors", str(tmp_path / "first.slices.csv")]
    assert propagate(again, tmp_path / "second.nii.gz", *table) == 0
    assert "finished" not in caplog.text
