"""`--help`: what a command is for, every option with its default, and examples to be typed."""

from __future__ import annotations

import argparse

PROGRAM = "slice-propagation"
EXAMPLES = "examples:"


class CommandHelp(argparse.HelpFormatter):
    """Keeps the lines of examples, and names a default where an option's own text does not."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith(EXAMPLES):
            return text
        return super()._fill_text(text, width, indent)

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        if "default" in text or not says_something(action.default):
            return text
        return f"{text} (default %(default)s)"


def says_something(default: object) -> bool:
    """Whether a default tells more than that an option is not given."""
    is_absent = default is None or default is False  # 0 is a value
    return not is_absent and default not in (argparse.SUPPRESS, [])


def add_command(
    commands: argparse._SubParsersAction,
    name: str,
    purpose: str,
    *examples: str,
) -> argparse.ArgumentParser:
    """Add a command to argparse's subparsers.

    Args:
        commands: the subparsers.
        name: of the command.
        purpose: what it is for, as the list of commands says it.
        examples: two or more calls, without the program's name.
    """
    return commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=examples_text(examples),
        formatter_class=CommandHelp,
    )


def examples_text(examples: tuple[str, ...]) -> str:
    """What stands below the options; `examples_of` reads it again."""
    return "\n".join([EXAMPLES, *(f"  {PROGRAM} {example}" for example in examples)])


def examples_of(parser: argparse.ArgumentParser) -> list[str]:
    """The examples of a command, each as it is typed."""
    return [line.strip() for line in (parser.epilog or "").splitlines()[1:]]
