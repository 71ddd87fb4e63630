"""An error says what is wrong in one sentence, and can say it in another language."""

import pickle

import pytest

from SlicePropagationLib.errors import ConfigError, InputError, Phrase, SlicePropagationError

KEY = "Slice {index} of '{name}' is {share:.0%} full; draw it again."
VALUES = {"index": 7, "name": "liver {left}", "share": 0.25}


def test_a_message_holds_its_values():
    error = InputError(KEY, **VALUES)
    assert str(error) == "Slice 7 of 'liver {left}' is 25% full; draw it again."
    assert (error.key, error.values) == (KEY, VALUES)


def test_a_message_in_another_language_holds_the_same_values():
    german = {KEY: "Schicht {index} von '{name}' ist zu {share:.0%} voll; neu zeichnen."}
    error = InputError(KEY, **VALUES)
    assert error.said(german.get) == "Schicht 7 von 'liver {left}' ist zu 25% voll; neu zeichnen."


def test_a_message_without_values_may_hold_braces():
    assert str(ConfigError("Write {} for nothing.")) == "Write {} for nothing."
    assert ConfigError("Write {} for nothing.").said(str.upper) == "WRITE {} FOR NOTHING."


@pytest.mark.parametrize("name", ["self", "key", "text", "translate"])
def test_a_value_may_have_any_name(name):
    assert str(InputError("It is {" + name + "}.", **{name: 3})) == "It is 3."


def test_an_error_as_a_value_counts_by_what_it_says():
    error = InputError("It cannot be read ({error}).", error=OSError("no room"))
    assert error.values == {"error": "no room"}
    assert str(error) == "It cannot be read (no room)."


def test_an_error_from_another_process_is_the_same():
    error = pickle.loads(pickle.dumps(InputError(KEY, **VALUES)))
    assert isinstance(error, SlicePropagationError)
    assert (str(error), error.key, error.values) == (str(InputError(KEY, **VALUES)), KEY, VALUES)


def test_a_part_of_a_sentence_is_translated_by_itself_and_a_name_is_not():
    words = {
        "'{name}' was deleted{consequence}.": "'{name}' wurde gelöscht{consequence}.",
        "; the run ended": "; der Lauf endete",
        "; the run ended nowhere": "?",
    }
    consequence = Phrase("; the run ended")
    error = SlicePropagationError(
        "'{name}' was deleted{consequence}.",
        name="; the run ended nowhere",
        consequence=consequence,
    )
    assert str(error) == "'; the run ended nowhere' was deleted; the run ended."
    said = error.said(words.__getitem__)
    assert said == "'; the run ended nowhere' wurde gelöscht; der Lauf endete."


def test_a_part_that_says_nothing_is_not_looked_up():
    error = SlicePropagationError("It is gone{consequence}.", consequence=Phrase())
    assert error.said({"It is gone{consequence}.": "Weg{consequence}."}.__getitem__) == "Weg."
