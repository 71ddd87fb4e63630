"""Damaged files of all kinds end in a sentence, soon, and with no more memory than good ones."""

from mutants import problems

NUM_FILES = 68  # `python Testing/Cases/mutants.py` tries 10000


def test_however_files_are_damaged_the_program_says_so_and_lives_on():
    assert list(problems(range(NUM_FILES))) == []
