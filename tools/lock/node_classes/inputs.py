"""Which inputs of a node name a model file, from what its class says about its inputs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from repository import Function, Repository, Values, assignments, called, entries, keyword, name_of

WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"}
SCHEMA_WIDGETS = {"Int", "Float", "String", "Boolean", "Combo", "MultiCombo", "Color"}
# Sockets for what is worked on, and no model.
CONTENTS = {"IMAGE", "MASK", "LATENT", "CONDITIONING", "AUDIO", "VIDEO", "STRING", "INT", "FLOAT", "BOOLEAN", None}
# The editor adds a widget after these: what becomes of the value after each run.
SEEDS = {"seed", "noise_seed"}


@dataclass(frozen=True)
class Input:
    """One input as its class declares it; what cannot be told is None."""

    name: str | None
    is_widget: bool | None
    # What its choices come from.
    choices: ast.expr | None = None
    # The kind of what a socket takes: `MODEL`.
    kind: str | None = None


UNKNOWN = Input(None, None)


def model_inputs(name: str, path: str, repository: Repository) -> dict[str, Any]:
    """By name of the input: folders, and its place among the widgets as the editor saves their values."""
    widget: int | None = 0
    found = {}
    for (each, local), where in inputs(name, path, repository):
        folders = repository.folders(each.choices, where, local) if each.choices is not None else []
        if folders and each.name:
            found[each.name] = {"folders": folders, "widget": widget}
        if each.is_widget is None:
            widget = None
        elif each.is_widget and widget is not None:
            widget += 2 if each.name in SEEDS else 1
    return found


def sockets(name: str, path: str, repository: Repository) -> set[str]:
    """Inputs through which a node gets what others have loaded."""
    found = (each for (each, _), _ in inputs(name, path, repository))
    return {each.name for each in found if each.name and each.is_widget is False and each.kind not in CONTENTS}


def inputs(name: str | None, path: str, repository: Repository) -> Iterator[tuple[tuple[Input, Values], str]]:
    """In the editor's order, each with the names that count where it stands; a class without them has its base's."""
    found = repository.find("classes", name, path)
    if not found:
        return
    path, definition = found
    methods = {each.name: each for each in definition.body if isinstance(each, Function)}
    method = methods.get("INPUT_TYPES") or methods.get("define_schema")
    if method is None:
        for base in definition.bases:
            # A base of the same name would be this class again.
            if name_of(base) != name:
                yield from inputs(name_of(base), path, repository)
        return
    local = dict(assignments(method.body))
    listed = classic(method, local) if method.name == "INPUT_TYPES" else schema(method, local)
    for key, is_widget, choices in listed:
        kind = choices.value if isinstance(choices, ast.Constant) else name_of(choices)
        yield (Input(repository.text(key, path, definition), is_widget, choices, kind), local), path


def classic(method: Function, local: Values) -> Iterator[tuple[ast.expr | None, bool | None, ast.expr | None]]:
    """`{"required": {"name": (choices, {…})}, "optional": …}`."""
    for result in (node.value for node in ast.walk(method) if isinstance(node, ast.Return)):
        table = resolved(result, local)
        sections = (
            {each.value: value for each, value in entries(table) if isinstance(each, ast.Constant)}
            if isinstance(table, ast.Dict)
            else {}
        )
        for section in ("required", "optional"):
            value = resolved(sections.get(section), local)
            if isinstance(value, ast.Dict):
                for key, entry in entries(value):
                    kind = entry.elts[0] if isinstance(entry, ast.Tuple | ast.List) and entry.elts else None
                    yield key, is_classic_widget(resolved(kind, local), entry), kind
            elif value is not None:
                yield None, None, None


def schema(method: Function, local: Values) -> Iterator[tuple[ast.expr | None, bool | None, ast.expr | None]]:
    """`io.Schema(inputs=[io.Combo.Input("name", options=choices), …])`."""
    for call in ast.walk(method):
        if not isinstance(call, ast.Call) or called(call) != "Schema":
            continue
        listed = resolved(keyword(call, "inputs"), local)
        for entry in listed.elts if isinstance(listed, ast.List) else []:
            if isinstance(entry, ast.Call) and isinstance(entry.func, ast.Attribute):
                is_widget = name_of(entry.func.value) in SCHEMA_WIDGETS
                kind = (
                    keyword(entry, "options") if is_widget else ast.Constant((name_of(entry.func.value) or "").upper())
                )
                yield keyword(entry, "id", 0), is_widget, kind
            else:
                yield None, None, None


def resolved(node: ast.expr | None, local: Values) -> ast.expr | None:
    """The value behind a local name."""
    return local.get(node.id, node) if isinstance(node, ast.Name) else node


def is_classic_widget(kind: ast.expr | None, entry: ast.expr) -> bool | None:
    """A type by name, or a list of choices; None where it cannot be told."""
    if "forceInput" in ast.dump(entry):
        return False
    match kind:
        case ast.Constant(value=str(name)) | ast.Attribute(attr=name):
            return name in WIDGETS
        case ast.List() | ast.ListComp() | ast.BinOp() | ast.Call():
            return True
    return None
