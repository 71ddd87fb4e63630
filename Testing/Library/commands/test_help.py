"""`--help` of every command: examples that can be typed, and options that are explained."""

import argparse
import shlex

import pytest

from SlicePropagationLib.commands.help_text import PROGRAM, examples_of
from SlicePropagationLib.commands.main import make_parser

PARSER = make_parser()
GROUPS = [each for each in PARSER._actions if isinstance(each, argparse._SubParsersAction)]
COMMANDS = GROUPS[0].choices  # {name: parser}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_two_examples_that_the_program_understands(name):
    parser = COMMANDS[name]
    shown = [line.strip() for line in parser.format_help().splitlines()]
    examples = examples_of(parser)
    assert len(examples) >= 2
    assert any(example.startswith(f"{PROGRAM} {name}") for example in examples)
    for example in examples:
        assert example in shown  # unbroken, so that it can be copied
        program, *words = shlex.split(example)
        assert program == PROGRAM
        PARSER.parse_args(words)  # leaves the program where it does not understand


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_explained_with_what_holds_without_it(name):
    parser = COMMANDS[name]
    for action in parser._actions:
        text = parser._get_formatter()._expand_help(action) if action.help else ""
        assert text, action.option_strings
        is_optional = action.nargs != 0 and action.option_strings and not action.required
        if is_optional:
            assert "default" in text or "without" in text, f"{action.option_strings}: {text}"


def test_the_help_of_a_command_says_what_it_is_for(capsys):
    with pytest.raises(SystemExit):
        PARSER.parse_args(["batch", "--help"])
    assert "Many volumes, one row of a table each." in capsys.readouterr().out
