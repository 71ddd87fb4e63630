"""The command line: `slice-propagation COMMAND ...`; each command has a file of its own beside this one."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from SlicePropagationLib import __version__
from SlicePropagationLib.commands.batch import add_batch_command
from SlicePropagationLib.commands.cine_experiment import add_cine_experiment_command
from SlicePropagationLib.commands.codes import add_codes_command
from SlicePropagationLib.commands.compare import add_compare_command
from SlicePropagationLib.commands.demo import add_demo_command
from SlicePropagationLib.commands.endings import add_debug, ended
from SlicePropagationLib.commands.engines import add_engines_command
from SlicePropagationLib.commands.evaluate import add_evaluate_command
from SlicePropagationLib.commands.evaluate_cine import add_evaluate_cine_command
from SlicePropagationLib.commands.experiment import add_experiment_command
from SlicePropagationLib.commands.help_text import CommandHelp, examples_text
from SlicePropagationLib.commands.make_cine import add_make_cine_command
from SlicePropagationLib.commands.models import add_models_command
from SlicePropagationLib.commands.page import add_page_commands
from SlicePropagationLib.commands.progress import WarningHandler
from SlicePropagationLib.commands.propagate import add_propagate_command
from SlicePropagationLib.commands.pseudo_label import add_pseudo_label_command
from SlicePropagationLib.commands.segment import add_segment_command
from SlicePropagationLib.commands.simulate import add_simulate_command
from SlicePropagationLib.commands.superresolve import add_superresolve_command
from SlicePropagationLib.commands.train import add_train_command
from SlicePropagationLib.files.file_names import check_name

EXAMPLES = (
    "demo --out demo",
    "propagate --image image.nii.gz --seed seed.nii.gz --out out.nii.gz",
    "propagate --help",
)
PAGE = "app"  # which other packages bring, with further ones
# {command: what adds it}, in the order of `slice-propagation --help`.
ADDERS = {
    "propagate": add_propagate_command,
    "batch": add_batch_command,
    "simulate": add_simulate_command,
    "evaluate": add_evaluate_command,
    "compare": add_compare_command,
    "demo": add_demo_command,
    PAGE: add_page_commands,
    "train": add_train_command,
    "segment": add_segment_command,
    "pseudo-label": add_pseudo_label_command,
    "make-cine": add_make_cine_command,
    "evaluate-cine": add_evaluate_cine_command,
    "cine-experiment": add_cine_experiment_command,
    "superresolve": add_superresolve_command,
    "codes": add_codes_command,
    "experiment": add_experiment_command,
    "engines": add_engines_command,
    "models": add_models_command,
}


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words behind the program's name; None for those that the program was started with.

    Returns:
        The exit code: 0 done, 1 some cases failed, 2 wrong arguments or unusable input,
        3 an unexpected error, 130 interrupted (Ctrl-C), 141 nobody reads the output.
    """
    logging.basicConfig(
        format="%(levelname)s: %(message)s",
        level=logging.WARNING,
        handlers=[WarningHandler()],
    )
    words = sys.argv[1:] if argv is None else argv
    try:
        arguments = make_parser(words).parse_args(words)
    except SystemExit as stop:
        return int(stop.code or 0)
    return ended(lambda: _run(arguments, words), shows_traceback=arguments.debug)


def _run(arguments: argparse.Namespace, words: list[str]) -> int:
    for word in words:
        check_name(word)
    return arguments.command(arguments)


def make_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of all commands; the documentation of the command line is made from it.

    Args:
        words: of a call. Where the first one names a command of the library, there is this one only:
            to ask which packages bring others takes longer than to parse.
    """
    parser = argparse.ArgumentParser(
        "slice-propagation",
        description="Propagate a mask from annotated slices through a volume.",
        epilog=examples_text(EXAMPLES),
        formatter_class=CommandHelp,
    )
    parser.add_argument("--version", action="version", version=f"slice-propagation {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add_command in _adders_for(words):
        add_command(commands)
    add_debug(parser, commands)
    return parser


def _adders_for(words: Sequence[str]) -> list[Callable[[argparse._SubParsersAction], None]]:
    name = words[0] if words else PAGE
    return [ADDERS[name]] if name in ADDERS and name != PAGE else list(ADDERS.values())


if __name__ == "__main__":
    sys.exit(main())
