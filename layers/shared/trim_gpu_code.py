"""Usage: trim_gpu_code.py SITE_PACKAGES ORDER. Takes GPU code that a stack never runs out of installed packages.

ORDER is a JSON file: `capabilities` of the stack's cards (none: all GPU code goes), and for each of `packages` its
`licence`, as it stands in its metadata (`stated`), and the `libraries` that may be changed, as patterns. In a box (see
gpu_boxes.py) the entries that the cards run move to the front, the box's length follows, and zeros fill the rest: every
address in the file stays as it was, and zeros compress to nothing. RECORD gets the new hashes, and a notice of what was
changed lies beside it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import struct
import sys
from collections.abc import Iterable, Sequence
from email.parser import HeaderParser
from fnmatch import fnmatch
from mmap import mmap
from pathlib import Path
from typing import TypedDict

from elf import Sections
from gpu_boxes import CODE, PTX, SECTION, Box, Entry, read_boxes

NOTICE = "strata-trimmed.json"
CHANGED = "strata took code for other GPUs out of these files; nothing else in them differs from the published ones."
LENGTH_AT = 8  # in a box's header


class Order(TypedDict):
    """What is to be done with a package."""

    licence: str
    stated: str
    libraries: list[str]


def kept(entries: Sequence[Entry], capabilities: Iterable[str]) -> list[Entry]:
    """What stays of a box, in its order: of each capability what its driver would choose.

    That is the newest code of the same major number, with its variants for one capability alone (sm_90a), which have the
    same number; without any, PTX. Kinds that nobody knows stay. A box of which nothing runs keeps its smallest entry: the
    driver then says what it said before, and need not understand an empty box. Without a capability nothing stays.
    """
    wanted = [int(capability.replace(".", "")) for capability in capabilities]
    if not wanted or not entries:
        return []
    chosen = [entry for entry in entries if entry.kind not in (CODE, PTX)]
    for number in wanted:
        usable = [entry for entry in entries if entry.number <= number]
        code = [entry for entry in usable if entry.kind == CODE and entry.number // 10 == number // 10]
        newest = max((entry.number for entry in code), default=0)
        chosen += [entry for entry in code if entry.number == newest]
        if not code:
            chosen += [entry for entry in usable if entry.kind == PTX]
    if not chosen:
        chosen = [min(entries, key=lambda entry: entry.size)]
    return [entry for entry in entries if entry in chosen]


def trim_box(content: mmap, box: Box, capabilities: Iterable[str]) -> int:
    """The bytes that became zeros."""
    at = box.first
    for entry in kept(box.entries, capabilities):
        content.move(at, entry.begin, entry.size)
        at += entry.size
    content[at : box.end] = bytes(box.end - at)
    struct.pack_into("<Q", content, box.begin + LENGTH_AT, at - box.first)
    return box.end - at


def trim_library(path: Path, capabilities: Iterable[str]) -> int:
    """The bytes that became zeros, 0 for a library without GPU code; raises ValueError for one that is damaged."""
    if path.stat().st_nlink > 1:
        raise ValueError(f"{path} has other names, whose content would change as well")
    with path.open("r+b") as file, mmap(file.fileno(), 0) as content:
        try:
            return sum(
                trim_box(content, box, capabilities)
                for begin, end in Sections(content).named(SECTION)
                # Read whole before anything changes: a damaged one stays as it is.
                for box in list(read_boxes(content, begin, end))
            )
        except (struct.error, IndexError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error}") from error


def digest_of(path: Path) -> str:
    """As RECORD has it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def licences_of(metadata: Path) -> set[str]:
    """Everything that a package says of its licence: an expression, words of its own, a classifier."""
    message = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
    classifiers = [text.split(" :: ") for text in message.get_all("Classifier", [])]
    found = [*message.get_all("License-Expression", []), *message.get_all("License", [])]
    return {*found, *(parts[-1] for parts in classifiers if parts[0] == "License")}


def trim_package(site_packages: Path, info: Path, order: Order, capabilities: list[str]) -> str:
    """Says what was done; raises ValueError where the package is not as the order has it."""
    stated = licences_of(info / "METADATA")
    if order["stated"] not in stated:
        raise ValueError(
            f"{info.name} says of its licence {' and '.join(sorted(stated)) or 'nothing'}, not {order['stated']}: "
            "see whether it still allows changes, and mend lib/gpu/trimming.ts"
        )
    record = info / "RECORD"
    rows = list(csv.reader(record.read_text(encoding="utf-8").splitlines()))
    changed, zeros = {}, 0
    for row in rows:
        if not any(fnmatch(row[0], pattern) for pattern in order["libraries"]):
            continue
        library = site_packages / row[0]
        published = digest_of(library)
        if removed := trim_library(library, capabilities):
            row[1] = digest_of(library)
            changed[row[0]] = {"published": published, "zeros": removed}
            zeros += removed
    if not changed:
        raise ValueError(
            f"{info.name} has nothing to trim in {', '.join(order['libraries'])}: mend lib/gpu/trimming.ts"
        )
    notice = {"notice": CHANGED, "licence": order["licence"], "capabilities": capabilities, "files": changed}
    (info / NOTICE).write_text(f"{json.dumps(notice, indent=2)}\n", encoding="utf-8")
    rows.append([f"{info.name}/{NOTICE}", digest_of(info / NOTICE), str((info / NOTICE).stat().st_size)])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    record.write_text(text.getvalue(), encoding="utf-8")
    return f"{info.name}: {zeros / 1e6:.1f} MB of GPU code in {len(changed)} libraries made zeros"


def main(site_packages: Path, order: Path) -> None:
    """Every package of the order, which are those that the stage has just installed."""
    given = json.loads(order.read_text(encoding="utf-8"))
    for name, package in given["packages"].items():
        found = list(site_packages.glob(f"{name.replace('-', '_')}-*.dist-info"))
        if len(found) != 1:
            raise ValueError(f"{name} is installed {len(found)} times")
        print(trim_package(site_packages, found[0], package, given["capabilities"]))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except ValueError as error:
        sys.exit(str(error))
