"""Model files: {format, version, family, config, weights, metrics}.

Read without ever running code from them.
"""

import contextlib
import hashlib
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from SlicePropagationLib.errors import CheckpointError, ConfigError, in_one_line
from SlicePropagationLib.files.atomic import atomic_folder

FORMAT = "slice-propagation"
VERSION = 1
MOST_VALUES = 10_000  # of a configuration; they have some tens
Network = TypeVar("Network", bound=nn.Module)
# What a configuration with wrong values ends with, somewhere in a network.
NOT_OF_THE_FAMILY = (
    ConfigError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
)
HALF_MOST = torch.finfo(torch.float16).max


@dataclass(frozen=True)
class Checkpoint:
    """A model file that was read and checked.

    Attributes:
        family: which kind of network and how it walks.
        config: {name: value}, for `config_from_dict`.
        weights: {name: float32 tensor or integer tensor}, on the CPU.
        metrics: {name: number} on the data it was chosen by.
        sha256: hash of the file.
    """

    family: str
    config: dict[str, Any]
    weights: dict[str, Tensor]
    metrics: dict[str, Any]
    sha256: str


def save_checkpoint(
    path: Path | str,
    family: str,
    config: Any,
    weights: dict[str, Tensor],
    *,
    metrics: dict[str, Any] | None = None,
    is_half: bool = False,
) -> None:
    """Write a model file, all of it or nothing.

    Args:
        path: where.
        family: which kind of network.
        config: a configuration dataclass, or what `asdict` makes of it.
        weights: a state_dict.
        metrics: {name: number}.
        is_half: store the weights with 16 bits, for shipping; tensors with values that 16 bits
            cannot hold, such as the variances of a batch normalisation, keep 32.

    Raises:
        OutputError: it cannot be written.
    """
    path = Path(path)
    if is_half:
        weights = {name: _halved(value) for name, value in weights.items()}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "family": family,
        "config": _as_dict(config),
        "weights": dict(weights),
        "metrics": dict(metrics or {}),
    }
    with atomic_folder(path.parent) as partial:
        torch.save(content, partial / path.name)


def _as_dict(config: Any) -> dict[str, Any]:
    return config if isinstance(config, dict) else asdict(config)


def _halved(values: Tensor) -> Tensor:
    """With 16 bits where these can hold it."""
    fits = values.is_floating_point() and values.abs().max() <= HALF_MOST
    return values.half() if fits else values


def load_checkpoint(path: Path | str, families: Collection[str] | None = None) -> Checkpoint:
    """Read a model file; a model card `<name>.json` beside it that states a sha256 must agree.

    Args:
        path: the file.
        families: the families that can be used, None for any.

    Returns:
        A Checkpoint.

    Raises:
        CheckpointError: the file is missing, truncated, foreign, from a later version, of another
            family, not what its card says, or holds something that would have to be executed.
    """
    path = Path(path)
    content, sha256 = read_model_file(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            "{path} is not a model file of this project: it lacks the mark '{format}'."
            " Train one with `slice-propagation train`, or use one that it wrote.",
            path=path,
            format=FORMAT,
        )
    if content.get("version") != VERSION:
        raise CheckpointError(
            "{path} has version {found} of the model format, this program reads version"
            " {version}; update it, or train the model again.",
            path=path,
            found=content.get("version"),
            version=VERSION,
        )
    _check_content(path, content)
    if families is not None and content["family"] not in families:
        raise CheckpointError(
            "{path} belongs to the model family '{family}', needed is {families};"
            " choose another file or command.",
            path=path,
            family=content["family"],
            families=" or ".join(sorted(families)),
        )
    weights = {
        name: value.float() if value.is_floating_point() else value
        for name, value in content["weights"].items()
    }
    return Checkpoint(
        content["family"],
        content["config"],
        weights,
        content.get("metrics", {}),
        sha256,
    )


def fill_network(
    network: Network,
    checkpoint: Checkpoint,
    path: Path | str,
) -> Network:
    """Put a checkpoint's weights into the network that its configuration describes.

    Returns the network.

    Raises:
        CheckpointError: they do not fit.
    """
    try:
        network.load_state_dict(checkpoint.weights, strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            "The weights in {path} do not fit the network that its configuration"
            " describes ({problem}); it is damaged.",
            path=path,
            problem=str(error).splitlines()[-1].strip(),
        ) from error
    return network


def make_from(
    make: Callable[[Checkpoint, Path, str], Any],
    checkpoint: Checkpoint,
    path: Path,
    device: str,
) -> Any:
    """What a family makes of a checkpoint.

    It is made without memory first: weights that do not fit a configuration are refused before a
    network of that configuration, however large, is there.

    Args:
        make: (checkpoint, path, device) -> an engine or a segmenter.
        checkpoint: what was read.
        path: of its file, for messages.
        device: "cpu" or "cuda".

    Raises:
        CheckpointError: configuration and weights do not fit, or the configuration is none of the
            family.
    """
    with contextlib.suppress(*NOT_OF_THE_FAMILY), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that what has no memory is not filled
        with torch.device("meta"):
            make(checkpoint, path, device)
    try:
        return make(checkpoint, path, device)
    except NOT_OF_THE_FAMILY as error:
        raise CheckpointError(
            "The configuration in {path} is not one of family {family}"
            " ({problem}); it is damaged or from another version.",
            path=path,
            family=checkpoint.family,
            problem=in_one_line(error),
        ) from error


def _check_content(path: Path, content: dict[str, Any]) -> None:
    """Refuse a file whose entries are not there or of another kind."""
    for name, kind in (("family", str), ("config", dict), ("weights", dict)):
        if not isinstance(content.get(name), kind):
            raise CheckpointError(
                "{path} holds {found} as its {name}, needed is {kind}; it is damaged, copy it again.",
                path=path,
                found=type(content.get(name)).__name__,
                name=name,
                kind=kind.__name__,
            )
    if not all(isinstance(value, Tensor) for value in content["weights"].values()):
        raise CheckpointError(
            "{path} holds weights that are not tensors; it is damaged, copy it again.",
            path=path,
        )
    num_bytes = sum(value.numel() * value.itemsize for value in content["weights"].values())
    if num_bytes > path.stat().st_size:  # they show the same few numbers again and again
        raise CheckpointError(
            "{path} promises {num_bytes} bytes of weights and has {present}; it is"
            " damaged, copy it again.",
            path=path,
            num_bytes=num_bytes,
            present=path.stat().st_size,
        )
    for name in ("config", "metrics"):
        if not _is_small(content.get(name)):
            raise CheckpointError(
                "{path} holds more than {most_values} values as its {name}; it is"
                " damaged, copy it again.",
                path=path,
                most_values=MOST_VALUES,
                name=name,
            )
    check_finite(path, content["weights"])


def _is_small(values: Any) -> bool:
    """Whether there are few values in dicts and lists, each counted where it stands."""
    left = [values]
    for _ in range(MOST_VALUES):
        if not left:
            return True
        value = left.pop()
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set, frozenset)):
            left += value
    return not left


def check_finite(path: Path, weights: dict[str, Tensor]) -> None:
    """Refuse weights that are no numbers, with a CheckpointError."""
    broken = [
        name
        for name, value in weights.items()
        if value.is_floating_point() and not torch.isfinite(value).all()
    ]
    if broken:
        raise CheckpointError(
            "{path} holds weights that are no numbers, in {broken}; its training went"
            " astray, use another file.",
            path=path,
            broken=broken[0],
        )


def read_model_file(path: Path) -> tuple[Any, str]:
    """(content, sha256) of a file that torch can read without executing anything.

    Raises:
        CheckpointError: it is missing, damaged, not what its card says, or would run code.
    """
    if not path.is_file():
        raise CheckpointError(
            "There is no model file {path}; check the name, or use one of the engines"
            " that `slice-propagation engines` lists.",
            path=path,
        )
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            "{path} cannot be read ({problem}); look at its permissions, or copy it again.",
            path=path,
            problem=error.strerror,
        ) from error
    sha256 = hashlib.sha256(stored).hexdigest()
    _check_card(path, sha256)
    _check_zip(path, stored)
    try:
        return torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True), sha256
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            "{path} holds more than numbers: loading it would run code, and it was not"
            " loaded. Use a model file from a source you trust.",
            path=path,
        ) from error
    except Exception as error:
        # flipped bits make torch's reader fail with any error: IndexError, TypeError,
        # AttributeError, ...
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(
            "{path} cannot be read as a model file ({reason}); it is damaged or"
            " foreign, copy it again.",
            path=path,
            reason=reason,
        ) from error


def _check_zip(path: Path, stored: bytes) -> None:
    """Refuse what is not a zip file, and one whose checksums do not fit.

    Torch does not look at them.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(stored)) as archive:
            if sum(member.file_size for member in archive.infolist()) > len(stored):
                raise ValueError("it is packed, and torch packs nothing")
            damaged = archive.testzip()
    except Exception as error:  # as above, for the reader of zip files
        raise CheckpointError(
            "{path} is not a model file of this project (it starts with {stored!r});"
            " it may be truncated, foreign, or a bare pickle, which is never loaded.",
            path=path,
            stored=stored[:4],
        ) from error
    if damaged:
        raise CheckpointError(
            "{path} is damaged: the checksum of {damaged} in it does not fit; copy it again.",
            path=path,
            damaged=damaged,
        )


def _check_card(path: Path, sha256: str) -> None:
    card = path.with_suffix(".json")
    if not card.is_file():
        return
    try:
        stated = json.loads(card.read_text(encoding="utf-8")).get("sha256")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(
            "The model card {card} cannot be read ({error}); copy it again together with {path}.",
            card=card,
            error=error,
            path=path.name,
        ) from error
    if stated is not None and not isinstance(stated, str):
        raise CheckpointError(
            "The model card {card} states {stated!r} as the hash, which is none; copy"
            " it again together with {path}.",
            card=card,
            stated=stated,
            path=path.name,
        )
    if stated and stated != sha256:
        raise CheckpointError(
            "{path} has the hash {sha256}…, its model card says {stated}…; the file"
            " was changed or damaged, copy both again.",
            path=path,
            sha256=sha256[:12],
            stated=stated[:12],
        )
