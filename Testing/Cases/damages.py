"""Ways in which the content of a good file is damaged, by random numbers."""

import gzip
import io
import json
import random

HOSTILE = [0, -1, 1, 255, 2**31 - 1, 2**31, 2**63, 1e308, 1e-308, float("nan"), float("inf"), 0.5]
HOSTILE += ["", "x" * 5000, "\x00", "../../etc/passwd", "é\udcff", "nan", None, True, [], [[]], {}]


def bytes_damaged(content: bytes, rng: random.Random) -> bytes:
    """Some bytes other, gone, twice, or the end cut off; mostly where a header is."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5])):
        reach = rng.choice([64, 348, 600, len(damaged)])
        place = rng.randrange(max(1, min(len(damaged), reach)))
        length = rng.choice([1, 1, 2, 4, 8])
        other = rng.choice([b"\xff", b"\x00", b"\x7f", b"\x80", rng.randbytes(1)]) * length
        what = rng.randrange(6)
        if what < 3:
            damaged[place : place + length] = other
        elif what == 3:
            del damaged[place : place + length]
        elif what == 4:
            damaged[place:place] = other * rng.choice([1, 100, 5000])
        else:
            del damaged[place:]
        if not damaged:
            break
    return bytes(damaged)


def packed_damaged(content: bytes, rng: random.Random) -> bytes:
    """The same of what is packed, or of the packed file."""
    if rng.random() < 0.2:
        return bytes_damaged(content, rng)
    inside = bytes_damaged(gzip.decompress(content), rng)
    return gzip.compress(inside + bytes(rng.choice([0, 0, 1 << 24])), 6)


def text_damaged(content: bytes, rng: random.Random) -> bytes:
    """Words of the text part of a file other, twice or gone."""
    if rng.random() < 0.3:
        return bytes_damaged(content, rng)
    end = content.find(b"\n\n")
    end = end if end > 0 else min(len(content), 2000)
    words = content[:end].replace(b"\n", b" \n ").split(b" ")
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(words))
        hostile = str(rng.choice(HOSTILE)).encode("utf-8", "surrogateescape")
        words[place] = rng.choice(
            [hostile, words[place] * 2, words[place] * 3000, b"", b"\xff\xfe"]
        )
    return b" ".join(words).replace(b" \n ", b"\n") + content[end:]


def values_damaged(content: bytes, rng: random.Random) -> bytes:
    """Values of JSON other or gone."""
    if rng.random() < 0.1:
        return bytes_damaged(content, rng)
    values = json.loads(content)
    for _ in range(rng.choice([1, 1, 1, 2])):
        damage_value(values, rng)
    return json.dumps(values).encode()


def damage_value(values, rng: random.Random) -> None:
    """Change one value somewhere below, in place."""
    place = values
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            return
        key = rng.choice(list(keys))
        inside = place[key]
        if isinstance(inside, (dict, list)) and inside and rng.random() < 0.85:
            place = inside
            continue
        if rng.random() < 0.15:
            del place[key]
        else:
            place[key] = rng.choice(HOSTILE)
        return


def model_damaged(content: bytes, rng: random.Random) -> bytes:
    """What a model file says of itself other; its checksums fit."""
    if rng.random() < 0.2:
        return bytes_damaged(content, rng)
    import torch

    values = torch.load(io.BytesIO(content), weights_only=True)
    part = rng.choice(["config", "config", "config", "metrics", "family", "version", "weights"])
    if part in ("config", "metrics") and values[part]:
        damage_value(values[part], rng)
    elif part == "weights" and rng.random() < 0.5:
        values[part].pop(rng.choice(list(values[part])))
    else:
        values[part] = rng.choice(HOSTILE)
    file = io.BytesIO()
    torch.save(values, file)
    return file.getvalue()
