"""What `simulate` prints, and how tables are laid out on a terminal."""

from case_files import make_case

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.evaluation.summary import aligned


def test_simulate_explains_its_terms_once_and_names_the_file(tmp_path, capsys):
    case = make_case(tmp_path)
    out = tmp_path / "rounds.json"
    where = ["--image", str(case["image"]), "--truth", str(case["truth"]), "--label", "1"]
    options = ["--engine", "copy", "--budget", "3", "--out", str(out)]
    assert main(["simulate", *where, *options]) == 0
    said = capsys.readouterr()
    header, *_ = said.out.splitlines()
    assert "Dice (thesis)" in header
    assert said.out.count("(thesis)") == 2  # once more where it is explained
    assert str(out) in said.out
    assert said.err.splitlines()[-1].startswith("3 of 3 slices annotated")


def test_numbers_of_a_table_end_below_their_heading_and_words_begin_below_it():
    rows = [("copy", "1", "0.500", "7"), ("interpolation", "10", "", "7 11")]
    assert aligned(("engine", "K", "Dice", "slices"), rows).splitlines() == [
        "engine          K   Dice  slices",
        "copy            1  0.500  7",
        "interpolation  10         7 11",
    ]
