"""What MkDocs does beyond copying pages.

Reports and pictures lie where they are made, outside this folder; they join the site here, and links
are written as they work in the checkout. The options of the command line come from its own parsers.
"""

import argparse
import re
import sys
from pathlib import Path, PurePosixPath

from mkdocs.structure.files import File

CHECKOUT = Path(__file__).resolve().parents[1]
MARKER = "<!-- generated: commands -->"
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
# folder or file of the repository -> where the site has it
PLACES = {
    "docs": "",
    "Testing/Reports": "reports",
    "Resources/Screenshots": "screenshots",
    "CHANGELOG.md": "changelog.md",
    "Resources/Icons/SlicePropagation.png": "images/icon.png",
}


def on_files(files, config):
    """Add what lies outside the folder of the documentation."""
    for place, target in PLACES.items():
        if place != "docs":
            for path in _files_of(CHECKOUT / place):
                inside = path.relative_to(CHECKOUT / place).as_posix()
                name = target if inside == "." else f"{target}/{inside}"
                files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Put the commands in, and lead links to where the site has what they name."""
    if MARKER in markdown:
        markdown = markdown.replace(MARKER, describe_commands(_make_parser()))
    here = PurePosixPath(repository_path(page.file.src_uri))
    return LINK.sub(lambda found: _site_link(found, here, page, config), markdown)


def repository_path(src_uri):
    """The path in the repository of a page or file of the site."""
    for place, target in PLACES.items():
        if target and (src_uri == target or src_uri.startswith(f"{target}/")):
            return place + src_uri[len(target) :]
    return f"docs/{src_uri}"


def site_path(path):
    """The path in the site of a file of the repository; None where the site has it not."""
    for place, target in PLACES.items():
        if path == place:
            return target
        if path.startswith(f"{place}/"):
            return f"{target}{path[len(place) :]}".lstrip("/")
    return None


def _files_of(place):
    if place.is_file():
        return [place]
    return sorted(path for path in place.rglob("*") if path.is_file())


def _site_link(found, here, page, config):
    before, link, after = found.groups()
    path, mark, anchor = link.partition("#")
    if not path or re.match(r"[a-z]+:", path):
        return found.group()
    wanted = _normal(here.parent / path)
    inside = site_path(wanted)
    if inside is None:
        address = f"{config.repo_url.rstrip('/')}/blob/main/{wanted}"
    else:
        address = _relative(inside, page.file.src_uri)
    return f"{before}{address}{mark}{anchor}{after}"


def _normal(path):
    """A path without `..`."""
    parts = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _relative(target, page):
    ups = len(PurePosixPath(page).parts) - 1
    return "../" * ups + target


# The command line


def _make_parser():
    for folder in (CHECKOUT, CHECKOUT / "SlicePropagation"):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    from SlicePropagationLib.commands import main

    return main.make_parser()


def describe_commands(parser):
    """All commands of a parser as Markdown: a heading, a sentence and a table of options for each."""
    groups = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    parts = []
    for group in groups:
        purposes = {choice.dest: choice.help for choice in group._choices_actions}
        for name, command in group.choices.items():
            parts.append(_describe_command(name, purposes.get(name), command))
    return "\n\n".join(parts)


def _describe_command(name, purpose, command):
    actions = [action for action in command._actions if action.dest != "help"]
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    lines = [f"### {name}", ""]
    if purpose:
        lines += [f"{purpose[0].upper()}{purpose[1:]}.", ""]
    lines += _examples(command)
    if shown:
        lines += ["| argument | meaning |", "|---|---|"]
        lines += [f"| {_spelling(action)} | {_meaning(action, command)} |" for action in shown]
    else:
        lines.append("It has no options.")
    return "\n".join(lines)


def _examples(command):
    """The calls that a command's help shows, as a block."""
    from SlicePropagationLib.commands.help_text import examples_of

    calls = examples_of(command)
    return ["```bash", *calls, "```", ""] if calls else []


def _spelling(action):
    """How an option is written, with what stands behind it; unbroken."""
    value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
    names = ", ".join(action.option_strings)
    words = f"{names} {value}" if names and value else names or value
    return f"`{words.strip()}`".replace("|", "\\|")


def _meaning(action, command):
    text = command._get_formatter()._expand_help(action) if action.help else ""
    default = action.default
    if action.dest == "engine" and default is not None:
        text = text.replace(f"default here {default}", "default: see `slice-propagation engines`")
    parts = [text] if text else []
    if action.choices:
        parts.append("one of " + ", ".join(f"`{choice}`" for choice in action.choices))
    if action.required:
        parts.append("required")
    elif "default" not in text and _is_worth_naming(action):
        parts.append(f"default `{default}`")
    return "; ".join(parts).replace("|", "\\|")


def _is_worth_naming(action):
    """Whether a default says something: not that an option is absent, and not what depends on the machine."""
    from SlicePropagationLib.commands.help_text import says_something

    return says_something(action.default) and action.dest != "engine"
