"""Which files of the image go into a folder of the workspace, and which of the user's stay, make way or are kept beside.

Three sides: what this image brings (`new`), what earlier images brought there (`laid`, by the mark), and what is there.
Decided file by file, and each decision is the same again after an interruption.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .file_tree import FOLDER, Tree, describe, same_content

# Of ComfyUI: what is in there is a user's, whoever laid it.
USERS = ("input", "models", "output", "temp", "user")
NODES = "custom_nodes"
# A node that has one of these was installed by its user, with git or from the registry.
INSTALLED = (".git", ".tracking")


@dataclass
class Decision:
    """By path below the folder."""

    bring: list[str] = field(default_factory=list)
    # Edited in the workspace and changed by the image, or somebody else's file in the place of one: kept, then brought.
    keep: list[str] = field(default_factory=list)
    # Edited, and the image's did not change.
    edited: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    # Nodes that are the user's own, and those that were removed.
    own_nodes: list[str] = field(default_factory=list)
    removed_nodes: list[str] = field(default_factory=list)

    def is_nothing(self) -> bool:
        """Whether the folder has all of the image already."""
        return not (self.bring or self.keep or self.remove)


def decide(folder: Path, new: Tree, done: Tree, begun: Tree) -> Decision:
    """What to do in `folder`; raises OSError. Of what an interrupted copy had `begun`, nobody knows what was laid."""
    earlier = [done, begun]
    decision = Decision()
    settled = settle_nodes(folder, new, done, begun, decision)
    for path, wanted in sorted(new.items()):
        if node_of(path) in settled or is_in_foreign_folder(folder, path):
            continue
        here = describe(folder / path)
        before = {tree[path] for tree in earlier if path in tree}
        if same_content(here, wanted):
            continue
        if here is None:
            if not (path in done and is_users(path)):
                decision.bring.append(path)
        elif any(same_content(here, old) for old in before):
            decision.bring.append(path)
        elif any(same_content(wanted, old) for old in before):
            decision.edited.append(path)
        elif is_users(path):
            continue
        else:
            decision.keep.append(path)
    for path in sorted({path for tree in earlier for path in tree} - set(new)):
        here = describe(folder / path)
        # A link to what this image has not is of no use to anybody.
        if node_of(path) in settled or (is_users(path) and not (here or "").startswith("link:")):
            continue
        if any(same_content(here, tree.get(path)) for tree in earlier):
            decision.remove.append(path)
    return decision


def settle_nodes(folder: Path, new: Tree, done: Tree, begun: Tree, decision: Decision) -> set[str]:
    """Nodes of the image that are left as they are, whole: half of one version and half of another would not load."""
    earlier = [done, begun]
    settled = set()
    for node in sorted({name for path in new if (name := node_of(path))}):
        place = folder / NODES / node
        is_laid = any(node_of(path) == node for tree in earlier for path in tree)
        if not place.exists() and not place.is_symlink():
            if any(node_of(path) == node for path in done):
                decision.removed_nodes.append(node)
                settled.add(node)
        elif place.is_symlink() or not is_laid or is_installed(place, node, new, earlier):
            decision.own_nodes.append(node)
            settled.add(node)
    return settled


def is_installed(place: Path, node: str, new: Tree, earlier: list[Tree]) -> bool:
    """Whether its user installed it anew in the place of the image's."""
    laid = {path for tree in (new, *earlier) for path in tree}
    return any(
        (place / name).exists()
        and not any(path == (mark := f"{NODES}/{node}/{name}") or path.startswith(f"{mark}/") for path in laid)
        for name in INSTALLED
    )


def node_of(path: str) -> str | None:
    """The node's folder that a file is in."""
    parts = path.split("/")
    return parts[1] if parts[0] == NODES and len(parts) > 2 else None


def is_users(path: str) -> bool:
    """Whether a file is where a user's files are."""
    return path.split("/")[0] in USERS


def is_in_foreign_folder(folder: Path, path: str) -> bool:
    """Whether a folder on the way is a link of the user's, to models that are shared for instance, or no folder."""
    place = folder
    for part in Path(path).parent.parts:
        place = place / part
        if place.is_symlink() or (is_users(path) and describe(place) not in (None, FOLDER)):
            return True
    return False
