"""All definitions of a repository, and what can be known of a value without running anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# How many names and functions deep a value is followed.
DEPTH = 4

Function = ast.FunctionDef | ast.AsyncFunctionDef
Values = dict[str, ast.expr]


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Names and the values that they get, also below `if`, `for` and `try`; not those of classes and functions."""
    for statement in body:
        for node in ast.walk(statement) if not isinstance(statement, ast.ClassDef | Function) else []:
            if isinstance(node, ast.Assign):
                yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
            elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
                yield node.target.id, node.value


def name_of(node: ast.expr | None) -> str | None:
    """`C` of the expressions `C` and `module.C`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None


def called(node: ast.AST) -> str | None:
    """The name of the function that an expression calls."""
    return name_of(node.func) if isinstance(node, ast.Call) else None


def keyword(call: ast.Call, name: str, position: int | None = None) -> ast.expr | None:
    """A call's argument, by its name or its position."""
    found = next((each.value for each in call.keywords if each.arg == name), None)
    if found is None and position is not None and len(call.args) > position:
        return call.args[position]
    return found


def joined(parts: list[str | None]) -> str | None:
    """All of them in a row; None where one is not known."""
    return "".join(part for part in parts if part) if None not in parts else None


def filled(form: str, parts: list[str | None]) -> str | None:
    """`"{} ({})".format(…)`, with the texts in their places; None where it wants others."""
    try:
        return form.format(*parts)
    except (IndexError, KeyError, ValueError):
        return None


def entries(table: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    """Keys and values of a dictionary as written; the key of `**other` is None."""
    return zip(table.keys, table.values, strict=True)


def is_mapping(name: str) -> bool:
    """NODE_CLASS_MAPPINGS and the parts that repositories put it together from."""
    return "CLASS_MAPPING" in name.upper() or name == "NODE_CONFIG"


@dataclass
class Repository:
    """Classes and functions by name, and values by file and name."""

    classes: dict[str, list[tuple[str, ast.ClassDef]]] = field(default_factory=dict)
    functions: dict[str, list[tuple[str, Function]]] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)

    def add(self, path: str, tree: ast.Module) -> None:
        """Takes in one file."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.classes.setdefault(node.name, []).append((path, node))
            elif isinstance(node, Function):
                self.functions.setdefault(node.name, []).append((path, node))
        self.values[path] = {}
        for name, value in assignments(tree.body):
            self.values[path].setdefault(name, value)

    def find(self, kind: str, name: str | None, path: str) -> tuple[str, Any] | None:
        """Of several definitions of one name the last of the same file; another file's only when it is the only one."""
        found = getattr(self, kind).get(name, [])
        own = [pair for pair in found if pair[0] == path]
        return own[-1] if own else found[0] if len(found) == 1 else None

    def text(self, node: ast.expr | None, path: str, owner: ast.ClassDef | None = None, depth: int = 0) -> str | None:
        """A string that can be known: a constant, a name for one, a class's attribute, or a sum of them."""
        if depth > DEPTH:
            return None
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name(id=name):
                return self.text(self.values[path].get(name), path, owner, depth + 1)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                found = self.find("classes", name, path)
                if owner and name in ("cls", "self", "s"):
                    found = (path, owner)
                return self.attribute(found, attribute, depth + 1) if found else None
            case ast.Attribute(value=ast.Attribute() as member, attr="value"):
                return self.text(member, path, owner, depth + 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return joined([self.text(side, path, owner, depth + 1) for side in (left, right)])
            case ast.JoinedStr(values=values):
                return joined([self.text(each, path, owner, depth + 1) for each in values])
            case ast.FormattedValue(value=value, format_spec=None):
                return self.text(value, path, owner, depth + 1)
            case ast.Call(
                func=ast.Attribute(value=ast.Constant(value=str(form)), attr="format"), args=args, keywords=[]
            ):
                parts = [self.text(each, path, owner, depth + 1) for each in args]
                return filled(form, parts) if None not in parts else None
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                return self._returned(name, [self.text(each, path, owner, depth + 1) for each in args], path, depth)
        return None

    def _returned(self, name: str, given: list[str | None], path: str, depth: int) -> str | None:
        """What a function of one line makes of texts: `get_name("A")` is `A (pack)`."""
        found = self.find("functions", name, path)
        if not found or None in given or not isinstance(found[1].body[-1], ast.Return) or len(found[1].body) > 2:
            return None
        path, function = found
        before = self.values[path]
        constants = {each.arg: ast.Constant(value) for each, value in zip(function.args.args, given, strict=False)}
        self.values[path] = {**before, **constants}
        try:
            return self.text(function.body[-1].value, path, None, depth + 1)
        finally:
            self.values[path] = before

    def attribute(self, found: tuple[str, ast.ClassDef], name: str, depth: int = 0) -> str | None:
        """A string that a class has as an attribute, given in its body or after it (`C.NAME = "…"`)."""
        path, definition = found
        value = dict(assignments(definition.body)).get(name)
        return self.text(value, path, definition, depth) if value else None

    def folders(self, node: ast.AST, path: str, local: Values, seen: frozenset[str] = frozenset()) -> list[str]:
        """The folders of models whose files an expression lists, through names and functions of the repository."""
        if len(seen) > DEPTH:
            return []
        found: list[str] = []
        for part in ast.walk(node):
            name = called(part) or name_of(part if isinstance(part, ast.Name) else None)
            if name == "get_filename_list" and isinstance(part, ast.Call) and part.args:
                folder = self.text(part.args[0], path)
                found += [folder] if folder else []
            elif name and name not in seen:
                found += self._behind(part, name, path, local, seen | {name})
        return list(dict.fromkeys(found))

    def _behind(self, part: ast.AST, name: str, path: str, local: Values, seen: frozenset[str]) -> list[str]:
        if isinstance(part, ast.Call):
            function = self.find("functions", name, path)
            if not function:
                return []
            return self.folders(function[1], function[0], dict(assignments(function[1].body)), seen)
        value = local.get(name) or self.values[path].get(name)
        return self.folders(value, path, local, seen) if value is not None else []
