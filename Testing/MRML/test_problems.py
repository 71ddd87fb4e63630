"""Errors are said in the person's language."""

import pytest
from SlicePropagationMRML.presenting import problems

from SlicePropagationLib.errors import InputError

KEY = "Slice {index} is empty; draw on it."
GERMAN = {KEY: "Schicht {index} ist leer; bitte einzeichnen."}


@pytest.fixture(autouse=True)
def german(monkeypatch):
    monkeypatch.setattr(problems, "_", lambda text: GERMAN.get(text, text))


def test_an_error_of_ours_is_said_in_the_language_of_the_person():
    said = problems.problemText(InputError(KEY, index=3))
    assert said == "Schicht 3 ist leer; bitte einzeichnen."


def test_an_error_without_a_translation_is_said_as_it_is():
    assert problems.problemText(InputError("Row {row}.", row=2)) == "Row 2."


def test_an_error_of_others_is_said_as_it_is():
    assert problems.problemText(OSError("The disk is full.")) == "The disk is full."


def test_no_error_has_nothing_to_say():
    assert problems.problemText(None) == ""
