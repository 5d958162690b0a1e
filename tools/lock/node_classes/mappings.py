"""Which node classes a file registers with ComfyUI, and the Python class behind each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

from repository import Repository, assignments, called, entries, is_mapping, keyword, name_of

# A node's name and the name of its Python class, where that can be told.
Registered = tuple[str, str | None]


def registered(tree: ast.Module, path: str, repository: Repository) -> Iterator[Registered]:
    """All that the file writes into a mapping, and the schemas of the newer interface."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as table) if is_mapping(name):
                yield from table_entries(table, path, repository)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as table) if is_mapping(name):
                yield from table_entries(table, path, repository)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=[ast.Dict() as table]):
                if is_mapping(name):
                    yield from table_entries(table, path, repository)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
                if is_mapping(name) and (text := repository.text(key, path)):
                    yield text, name_of(value)
            case ast.For(target=ast.Name(id=name), iter=listed, body=body):
                yield from looped(name, listed, body, path, repository)
            case ast.ClassDef():
                yield from ((text, node.name) for text in schema_names(node, path, repository))


def schema_names(definition: ast.ClassDef, path: str, repository: Repository) -> Iterator[str]:
    """The name in a schema of the newer interface; a subclass may give another one to its base's."""
    values = [keyword(each, "node_id", 0) for each in ast.walk(definition) if is_schema(each)]
    values += [value for name, value in assignments(definition.body) if name in ("node_id", "NODE_ID")]
    for node in ast.walk(definition):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="node_id")], value=value):
                values.append(value)
    yield from filter(None, (repository.text(value, path, definition) for value in values))


def is_schema(node: ast.AST) -> TypeGuard[ast.Call]:
    """`io.Schema(…)`."""
    return called(node) == "Schema"


def table_entries(table: ast.Dict, path: str, repository: Repository) -> Iterator[Registered]:
    """Both forms: name to class, and name to a description with the class in it."""
    for key, value in entries(table):
        text = repository.text(key, path)
        if text is None:
            continue
        if isinstance(value, ast.Dict):
            described = {repository.text(each, path): inner for each, inner in entries(value)}
            if "class" in described:
                yield text, name_of(described["class"])
        else:
            yield text, name_of(value)


def looped(
    variable: str, listed: ast.expr, body: list[ast.stmt], path: str, repository: Repository
) -> Iterator[Registered]:
    """`for node in node_list: NODE_CLASS_MAPPINGS[node.NodeId] = node`."""
    attribute = None
    for statement in body:
        match statement:
            case ast.Assign(
                targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Attribute(value=ast.Name(id=key), attr=attr))]
            ) if is_mapping(name) and key == variable:
                attribute = attr
    listed = repository.values[path].get(listed.id, listed) if isinstance(listed, ast.Name) else listed
    if attribute is None or not isinstance(listed, ast.List | ast.Tuple):
        return
    for each in listed.elts:
        found = repository.find("classes", name_of(each), path)
        text = repository.attribute(found, attribute) if found else None
        if text:
            yield text, name_of(each)


def computes_names(tree: ast.Module, path: str, repository: Repository) -> bool:
    """Whether the file registers classes whose names it does not say."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)]) if is_node_mapping(name):
                if repository.text(key, path) is None:
                    return True
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_node_mapping(name):
                if not is_told(value, path, repository):
                    return True
    return False


def labelled(repository: Repository) -> dict[str, tuple[str, ast.ClassDef]]:
    """Classes by the plain form of their `NAME`, or of their own name where a list `__nodes__` registers them."""
    found: dict[str, list[tuple[str, ast.ClassDef]]] = {}
    listed = {
        (path, name_of(each))
        for path, values in repository.values.items()
        for each in getattr(values.get("__nodes__"), "elts", [])
    }
    for name, definitions in repository.classes.items():
        for path, definition in definitions:
            label = repository.attribute((path, definition), "NAME")
            if label:
                found.setdefault(plain(label), []).append((path, definition))
            elif (path, name) in listed:
                found.setdefault(plain(name.split("_", 1)[-1]), []).append((path, definition))
    return {label: each[0] for label, each in found.items() if len(each) == 1}


def plain(label: str) -> str:
    """Letters and digits alone, without what stands in brackets for the repository."""
    return re.sub(r"\(.*?\)|[^a-z0-9]", "", label.lower())


def is_node_mapping(name: str) -> bool:
    """What ComfyUI itself reads, and parts of it."""
    return name.upper().endswith("NODE_CLASS_MAPPINGS")


def is_told(value: ast.expr, path: str, repository: Repository) -> bool:
    """A table whose keys are known, another mapping, or several of them."""
    match value:
        case ast.Dict():
            return all(
                repository.text(key, path) is not None if key else is_told(inner, path, repository)
                for key, inner in entries(value)
            )
        case ast.Name() | ast.Attribute():
            return True
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=[]):
            return True
        case ast.BinOp(left=left, right=right):
            return is_told(left, path, repository) and is_told(right, path, repository)
    return False


def runs_alone(name: str, path: str, repository: Repository) -> bool:
    """Whether ComfyUI runs the node although nothing uses its result."""
    found = repository.find("classes", name, path)
    if not found:
        return False
    for call in ast.walk(found[1]):
        if is_schema(call):
            return is_true(keyword(call, "is_output_node"))
    return is_true(dict(assignments(found[1].body)).get("OUTPUT_NODE"))


def is_true(node: ast.expr | None) -> bool:
    """The constant itself."""
    return isinstance(node, ast.Constant) and node.value is True
