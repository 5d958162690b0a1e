"""Which node classes a file registers with ComfyUI, and the Python class behind each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from repository import Repository, assignments, called, entries, keyword, name_of

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


def is_mapping(name: str) -> bool:
    """NODE_CLASS_MAPPINGS and the parts that repositories put it together from."""
    return "CLASS_MAPPING" in name.upper() or name == "NODE_CONFIG"


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
