"""What each node class opens or fetches that its inputs do not name."""

from __future__ import annotations

import ast
from typing import Any

from flow import Reader
from modules import Modules, Target
from sinks import FETCHES, OTHER_PARTS
from summary import Key, Sink, Summary, is_telling, limited

# Methods that only describe the node.
DESCRIBING = {"INPUT_TYPES", "define_schema", "IS_CHANGED", "VALIDATE_INPUTS", "fingerprint_inputs", "validate_inputs"}
ROUNDS = 30


class Loads:
    """Answers for all classes of one repository."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.modules = Modules(trees)
        self.summaries: dict[tuple[int, int], Summary] = {}
        self.all: dict[tuple[int, int], set[Sink]] = {}

    def of(self, owner: Target) -> set[Sink]:
        """All that the methods of a node's class open, through all that they call."""
        starts = list(self._starts(owner))
        if not starts:
            bases = ", ".join(ast.unparse(base) for base in owner.node.bases)  # type: ignore[union-attr]
            return {Sink(f"?{bases or 'method'}", frozenset(), owner.path)}
        found: set[Sink] = set()
        for key in starts:
            self._reach(key)
            found |= self.all[ident(key)]
        return found

    def _starts(self, owner: Target) -> Any:
        function = self.modules.attribute(owner, "FUNCTION")
        names = [function.value] if isinstance(function, ast.Constant) else ["execute"]
        runs = [self.modules.method(owner, name) for name in names]
        if not any(runs):
            return
        for name in [*names, "__init__", "check_lazy_status"]:
            if method := self.modules.method(owner, name):
                yield Key(Target("function", name, method[0].path, method[1]), owner)

    def _reach(self, start: Key) -> None:
        """Reads all that may be called, then brings together what it opens until nothing is added."""
        fresh: dict[tuple[int, int], Key] = {}
        open_keys = [start]
        while open_keys:
            key = open_keys.pop()
            if ident(key) in self.summaries:
                continue
            if self.modules.is_comfyui and key.function.path.startswith(OTHER_PARTS):
                self.summaries[ident(key)], self.all[ident(key)] = Summary(), set()
                continue
            fresh[ident(key)] = key
            summary = Reader(self.modules, key).read()
            self.summaries[ident(key)] = summary
            self.all[ident(key)] = set(summary.sinks)
            open_keys += [each.key for each in summary.callees]
        for _ in range(ROUNDS):
            grown = False
            for number in fresh:
                before = len(self.all[number])
                for callee in self.summaries[number].callees:
                    for sink in list(self.all[ident(callee.key)]):
                        origins = passed(sink.origins, callee.arguments)
                        self.all[number].add(Sink(sink.call, origins, sink.path))
                grown |= len(self.all[number]) > before
            if not grown:
                return


def passed(origins: frozenset[str], arguments: dict[str, frozenset[str]]) -> frozenset[str]:
    """Where a callee's arguments are from, in the words of the caller."""
    found: set[str] = set()
    for each in origins:
        if each[:2] not in ("p:", "i:"):
            found.add(each)
        else:
            found |= arguments.get(each[2:], arguments.get("*", frozenset()))
    return limited(found)


def ident(key: Key) -> tuple[int, int]:
    """Functions and classes by their place in the sources."""
    return id(key.function.node), id(key.owner.node) if key.owner else 0


def described(sinks: set[Sink], named: set[str], sockets: set[str], files: frozenset[str]) -> list[dict[str, Any]]:
    """What neither an input in `named` nor another node decides: calls, the inputs that decide and what the code names."""
    found: dict[str, dict[str, Any]] = {}
    for call, origins in sorted({(sink.call, sink.origins) for sink in sinks}, key=str):
        inputs = sorted(
            {each[2:] for each in origins if each[:2] in ("p:", "r:")} - {"self", "cls"} | ({"*"} & origins)
        )
        constants = {each[2:] for each in origins if each.startswith("c:")}
        names = sorted(each for each in constants if is_telling(each))
        is_named = not names and not named.isdisjoint(inputs)
        is_given = call not in FETCHES and not sockets.isdisjoint(each[2:] for each in origins if each.startswith("p:"))
        is_brought = "own" in origins and any(each.rstrip("/").rsplit("/", 1)[-1] in files for each in constants)
        # A module by a constant name is code, not a file of a model.
        is_constant = call == "?import_module" and bool(constants)
        if not (is_named or is_given or is_brought or is_constant):
            entry = found.setdefault(str((inputs, names)), {"calls": [], "inputs": inputs, "names": names})
            entry["calls"] = sorted({*entry["calls"], call})
    return [found[key] for key in sorted(found)]
