"""Names of the files in which the walks of a case are kept."""

import re
from zlib import crc32

from SlicePropagationLib.files.training_cases import TrainingCase


def source_name(kind: str, case: TrainingCase) -> str:
    """Name of the file of a case's walks.

    With a hash where the name alone may be that of another case, too (`a/b` and `a_b`).

    Args:
        kind: "train" or "val".
        case: whose walks.
    """
    whole = f"{kind}-{case.dataset}-{case.name}"
    name = re.sub(r"[^\w.-]+", "_", whole)
    if name == whole and "-" not in case.dataset:
        return name
    return f"{name}-{crc32(f'{case.dataset}/{case.name}'.encode()):08x}"
