"""What a name means in a file: a function or class of the repository, one of its modules, or something from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from repository import Function, assignments

# How many files a name is followed through.
DEPTH = 8

# Modules of ComfyUI, whatever files of these names a node has.
COMFYUI = {"comfy", "comfy_api", "comfy_execution", "comfy_extras", "execution", "folder_paths", "nodes", "server"}


@dataclass(frozen=True)
class Target:
    """What a name stands for. `kind` is function, class, value, module or outside; `name` is dotted for what is outside."""

    kind: str
    name: str
    path: str = ""
    node: ast.AST | None = field(default=None, compare=False)


class Modules:
    """The files of one repository, and what each of them defines and imports."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.is_comfyui = "folder_paths.py" in trees and "execution.py" in trees
        self.own: dict[str, dict[str, Target]] = {}
        self.imports: dict[str, dict[str, tuple[str, int, str | None]]] = {}
        self.stars: dict[str, list[tuple[str, int]]] = {}
        self.by_suffix: dict[str, list[str]] = {}
        for path in trees:
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            for start in range(len(parts)):
                self.by_suffix.setdefault(".".join(parts[start:]), []).append(path)
        self.paths = set(trees)
        self.known: dict[str, list[Target]] = {}
        self.found: dict[tuple[str, str], Target | None] = {}
        for path, tree in trees.items():
            self.own[path] = {name: target for name, target in defined(tree.body, path)}
            self._read_imports(path, tree)

    def _read_imports(self, path: str, tree: ast.Module) -> None:
        found = self.imports.setdefault(path, {})
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for each in node.names:
                    name = each.asname or each.name.split(".")[0]
                    found.setdefault(name, (each.name if each.asname else name, 0, None))
            elif isinstance(node, ast.ImportFrom):
                for each in node.names:
                    if each.name == "*":
                        self.stars.setdefault(path, []).append((node.module or "", node.level))
                    else:
                        found.setdefault(each.asname or each.name, (node.module or "", node.level, each.name))

    def file_of(self, module: str, level: int, path: str) -> str | None:
        """The file behind `from <level dots><module> import …`; None for what is not of the repository."""
        if level:
            folder = path.split("/")[:-level]
            name = "/".join(folder + [part for part in module.split(".") if part])
            return next(
                (each for each in (f"{name}.py", f"{name}/__init__.py".lstrip("/")) if each in self.paths), None
            )
        if module.split(".")[0] in COMFYUI and not self.is_comfyui:
            return None
        found = self.by_suffix.get(module, [])
        near = [each for each in found if each.rsplit("/", 1)[0] == path.rsplit("/", 1)[0]]
        return found[0] if len(found) == 1 else near[0] if len(near) == 1 else None

    def lookup(self, name: str, path: str, depth: int = 0) -> Target | None:
        """What a name of a file stands for; None where nothing says."""
        if (name, path) not in self.found:
            self.found[name, path] = self._look(name, path, depth)
        return self.found[name, path]

    def _look(self, name: str, path: str, depth: int) -> Target | None:
        if depth > DEPTH or path not in self.own:
            return None
        if name in self.own[path]:
            return self.own[path][name]
        if name in self.imports[path]:
            return self._imported(*self.imports[path][name], path, depth)
        for module, level in self.stars.get(path, []):
            other = self.file_of(module, level, path)
            found = self.lookup(name, other, depth + 1) if other else None
            if found:
                return found
        return None

    def _imported(self, module: str, level: int, name: str | None, path: str, depth: int) -> Target | None:
        if name is not None:
            inner = self.file_of(f"{module}.{name}" if module else name, level, path)
            file = self.file_of(module, level, path)
            found = self.lookup(name, file, depth + 1) if file and file != path else None
            if found:
                return found
            if inner:
                return Target("module", name, inner)
            # What its own file does not define: made when it runs, or compiled.
            return Target("outside", f"{'.' * level}{module}.{name}")
        file = self.file_of(module, level, path)
        return Target("module", module, file) if file else Target("outside", module)

    def behind(self, name: str | None, path: str) -> tuple[str, ast.ClassDef] | None:
        """The file and the definition of a class that a file calls `name`."""
        found = self.lookup(name, path) if name else None
        return (found.path, found.node) if found and isinstance(found.node, ast.ClassDef) else None

    def member(self, target: Target, name: str) -> Target | None:
        """`name` of a module, or of something from outside."""
        if target.kind == "module":
            package = target.path.removesuffix("/__init__.py")
            inner = [each for each in (f"{package}/{name}.py", f"{package}/{name}/__init__.py") if each in self.paths]
            return self.lookup(name, target.path) or (Target("module", name, inner[0]) if inner else None)
        if target.kind != "outside":
            return None
        # A folder without a file of its own.
        file = self.file_of(f"{target.name}.{name}", 0, target.path)
        return Target("module", name, file) if file else Target("outside", f"{target.name}.{name}")

    def method(self, owner: Target, name: str, depth: int = 0) -> tuple[Target, Function] | None:
        """A method of a class of the repository, its own or a base's."""
        if not isinstance(owner.node, ast.ClassDef) or depth > DEPTH:
            return None
        for each in owner.node.body:
            if isinstance(each, Function) and each.name == name:
                return owner, each
        for base in self.bases(owner):
            found = self.method(base, name, depth + 1) if base.node is not owner.node else None
            if found:
                return found
        return None

    def attribute(self, owner: Target, name: str, depth: int = 0) -> ast.expr | None:
        """What a class has under a name, itself or from a base."""
        if not isinstance(owner.node, ast.ClassDef) or depth > DEPTH:
            return None
        values = dict(assignments(owner.node.body))
        if name in values:
            return values[name]
        inherited = (self.attribute(base, name, depth + 1) for base in self.bases(owner) if base.node is not owner.node)
        return next((each for each in inherited if each), None)

    def known_with(self, path: str, method: str) -> list[Target]:
        """The classes of the repository that a file defines or imports, and that have a method of this name."""
        if path not in self.known:
            names = [*self.own.get(path, {}), *self.imports.get(path, {})]
            found = [self.lookup(name, path) for name in names]
            self.known[path] = [each for each in found if each and each.kind == "class"]
        return [
            each
            for each in self.known[path]
            if isinstance(each.node, ast.ClassDef)
            and any(isinstance(part, Function) and part.name == method for part in each.node.body)
        ]

    def named_in(self, table: Target | None) -> Iterator[Target]:
        """Functions and classes in a table that a module has."""
        if not table or not isinstance(table.node, ast.Dict | ast.List | ast.Tuple):
            return
        for part in ast.walk(table.node):
            target = self.lookup(part.id, table.path) if isinstance(part, ast.Name) else None
            if target:
                yield target

    def bases(self, owner: Target) -> Iterator[Target]:
        """What a class inherits from, as far as a name says."""
        for base in owner.node.bases if isinstance(owner.node, ast.ClassDef) else []:
            found = self.named(base, owner.path)
            if found:
                yield found

    def named(self, node: ast.expr, path: str) -> Target | None:
        """What `a` or `a.b.c` stands for in a file, apart from names of functions."""
        if isinstance(node, ast.Name):
            return self.lookup(node.id, path)
        if isinstance(node, ast.Attribute):
            inner = self.named(node.value, path)
            return self.member(inner, node.attr) if inner else None
        return None


def defined(body: Iterable[ast.stmt], path: str) -> Iterator[tuple[str, Target]]:
    """Functions, classes and values of a module, also below `if`, `try` and `with`."""
    for statement in body:
        if isinstance(statement, Function):
            yield statement.name, Target("function", statement.name, path, statement)
        elif isinstance(statement, ast.ClassDef):
            yield statement.name, Target("class", statement.name, path, statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for each in targets:
                if isinstance(each, ast.Name) and statement.value:
                    yield each.id, Target("value", each.id, path, statement.value)
        else:
            for part in ("body", "orelse", "finalbody"):
                yield from defined(getattr(statement, part, []), path)
            for handler in getattr(statement, "handlers", []):
                yield from defined(handler.body, path)
