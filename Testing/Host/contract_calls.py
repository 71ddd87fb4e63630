"""Checks the arguments of calls of Slicer's Python functions against each supported version."""

import ast

from contract_types import dotted
from host import facts


def parameters(signature):
    """(names, whether any keyword is taken) of a signature as a text."""
    arguments = ast.parse(f"def f{signature}: pass").body[0].args
    names = {one.arg for one in (*arguments.args, *arguments.kwonlyargs)}
    return names, arguments.kwarg is not None


def takes(signature, keyword):
    """Whether a function of that signature takes a keyword argument of that name."""
    names, is_any = parameters(signature)
    return is_any or keyword in names


def keyword_versions(module, name, keyword):
    """The versions whose function takes the keyword; all for a class, whose calls are not checked."""
    signatures = facts.python_signatures(module, name)
    return tuple(
        version
        for version, signature in signatures.items()
        if isinstance(signature, dict) or takes(signature, keyword)
    )


def check_keywords(node, report):
    """Report keyword arguments of `slicer.util.f(...)` that some supported version does not take."""
    module, _, name = dotted(node.func).rpartition(".")
    versions = facts.python_versions(module, name)
    for keyword in node.keywords:
        if not versions or keyword.arg is None:
            continue
        taken = keyword_versions(module, name, keyword.arg)
        if taken != versions:
            where = f"only in Slicer {', '.join(taken)}" if taken else "no such argument"
            report(node, f"{module}.{name}({keyword.arg}=): {where}")
