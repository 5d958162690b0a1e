"""What is kept of a function that was read: what it opens, whom it calls, and where the values are from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from modules import Target

# Where a value may be from: `p:name` an argument, `r:name` perhaps an argument, `i:name` one of the object's maker, `c:text`
# a constant, `*` any argument, `user` a folder of the user's files, `own` the node's folder, `models` that of models.
Origins = frozenset[str]
NONE: Origins = frozenset()
MOST = 8

# A name of a file or a repository, not a word of a setting.
TELLING = re.compile(
    r"^[\w.@+-]+(/[\w.@+-]+)+$|^[\w.+-]{3,80}\.(safetensors|sft|ckpt|pth?|bin|gguf|onnx|pkl|caffemodel|xml)$"
)


@dataclass(frozen=True)
class Sink:
    """A call that opens or fetches something."""

    call: str
    origins: Origins
    # The file it stands in.
    path: str = ""


@dataclass
class Callee:
    """A function of the repository that may run, and where its arguments are from; `*` stands for those not named."""

    key: Key
    arguments: dict[str, Origins]


@dataclass(frozen=True)
class Key:
    """A function, and the class whose object runs it."""

    function: Target
    owner: Target | None


@dataclass
class Summary:
    """One function: what it opens itself, and whom it calls."""

    sinks: set[Sink] = field(default_factory=set)
    callees: list[Callee] = field(default_factory=list)


def limited(found: set[str] | Origins) -> Origins:
    """Constants that tell something, and not more than one reads."""
    telling = sorted(each for each in found if each.startswith("c:"))
    return frozenset([each for each in found if not each.startswith("c:")] + telling[:MOST])


def is_telling(text: str) -> bool:
    """Whether a constant names a file or a repository."""
    return TELLING.match(text) is not None
