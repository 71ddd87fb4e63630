"""What `evaluate` and `simulate` print: a short table, what its terms mean, where the whole one is."""

from case_files import make_case
from evaluations import files, read

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.evaluation.summary import aligned


def test_evaluate_prints_a_short_table_and_names_the_report(cases, tmp_path, capsys):
    out = tmp_path / "out"
    few = ["--engines", "copy,interpolation", "--shots", "1", "--max-cases", "1"]
    assert main(["evaluate", *files(cases, out), *few]) == 0
    said = capsys.readouterr()
    assert (out / "results.md").is_file()
    assert f"The whole report: {out / 'results.md'}" in said.out
    assert said.out.count("annotated slices excluded") == 1
    assert len(said.out.splitlines()) <= 12
    means = [row for row in read(out / "results.csv") if row["dataset"].startswith("mean")]
    for row in means:
        line = next(line for line in said.out.splitlines() if line.startswith(row["engine"]))
        assert f"{float(row['dice']):.3f}" in line.split()
    assert [line[:7] for line in said.err.splitlines()] == ["case 1 ", "case 2 "]


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
