"""What a function opens or fetches, and which of its arguments decide on that; nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modules import Modules, Target
from repository import Function, called, is_mapping, name_of
from sinks import (
    HARMLESS,
    HARMLESS_CALLS,
    MODEL_LIBRARIES,
    OPENS,
    OPENS_BY_ROOT,
    OTHER_FOLDERS,
    USER_FOLDERS,
)
from summary import NONE, Callee, Key, Origins, Sink, Summary, limited

# How many values of modules a value is followed through.
DEPTH = 4
# Values that are made of others, one after the other.
PASSES = 6
ASSIGNING = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr, ast.For, ast.comprehension, ast.withitem)


class Reader:
    """Reads one function of a repository."""

    def __init__(self, modules: Modules, key: Key) -> None:
        self.modules, self.key = modules, key
        self.path = key.function.path
        self.node: Function = key.function.node  # type: ignore[assignment]
        self.kept: dict[str, Origins] = {}
        self.values: dict[str, Origins] = {}
        self.objects: dict[str, Target] = {}
        self.summary = Summary()

    def read(self) -> Summary:
        """Arguments first, then what is assigned from them, then all calls."""
        arguments = self.node.args
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            self.values[each.arg] = frozenset({f"p:{each.arg}"})
        for each in (arguments.vararg, arguments.kwarg):
            if each:
                self.values[each.arg] = frozenset({"*"})
        assigning = [each for each in ast.walk(self.node) if isinstance(each, ASSIGNING)]
        for _ in range(PASSES):
            before = dict(self.values)
            for node in assigning:
                self._assign(node)
            if self.values == before:
                break
        nodes = list(self._statements())
        seen = {id(each.func) for each in nodes if isinstance(each, ast.Call)}
        for node in nodes:
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Name | ast.Attribute) and id(node) not in seen:
                self._reference(node)
            elif isinstance(node, ast.Subscript) and is_mapping(name_of(node.value) or ""):
                self._other_node(node.slice)
        return self.summary

    def _statements(self) -> Iterator[ast.AST]:
        # Annotations run nothing.
        open_nodes: list[ast.AST] = [*self.node.body, *self.node.args.defaults]
        while open_nodes:
            node = open_nodes.pop()
            yield node
            for name, value in ast.iter_fields(node):
                if name not in ("annotation", "returns"):
                    each = value if isinstance(value, list) else [value]
                    open_nodes += [part for part in each if isinstance(part, ast.AST)]

    def _assign(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = node.value
        elif isinstance(node, ast.For | ast.comprehension):
            targets, value = [node.target], node.iter
        elif isinstance(node, ast.withitem) and node.optional_vars:
            targets, value = [node.optional_vars], node.context_expr
        else:
            return
        found = self.origins(value)
        made = self.target(value.func) if isinstance(value, ast.Call) else None
        for target in targets:
            for each in ast.walk(target):
                if isinstance(each, ast.Name):
                    self.values[each.id] = limited(self.values.get(each.id, NONE) | found)
                    if made and made.kind in ("class", "outside"):
                        outside = Target("outside", f"{made.name}()")
                        self.objects[each.id] = made if made.kind == "class" else outside

    def origins(self, node: ast.AST | None, depth: int = 0) -> Origins:
        """Where a value is from."""
        if node is None or depth > 12 or isinstance(node, ast.Lambda | ast.Compare):
            return NONE
        if isinstance(node, ast.Constant):
            return frozenset({f"c:{node.value}"}) if isinstance(node.value, str) and len(node.value) < 120 else NONE
        if isinstance(node, ast.Name):
            return self._named(node.id, depth)
        if isinstance(node, ast.Attribute):
            if node.attr == "models_dir":
                return frozenset({"models"})
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") and self.key.owner:
                return self._attribute(node.attr)
            found = self.modules.named(node, self.path)
            if found and found.kind == "value" and depth < DEPTH:
                return self._elsewhere(found, depth)
            return self.origins(node.value, depth + 1)
        if isinstance(node, ast.Call):
            name = called(node)
            if name in USER_FOLDERS:
                return frozenset({"user"})
        found: set[str] = set()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr | ast.keyword | ast.comprehension | ast.FormattedValue):
                found |= self.origins(child.value if isinstance(child, ast.keyword) else child, depth + 1)
        return limited(found)

    def _named(self, name: str, depth: int) -> Origins:
        if name in self.values:
            return self.values[name]
        if name == "__file__":
            return frozenset({"own"})
        found = self.modules.lookup(name, self.path)
        return self._elsewhere(found, depth) if found and found.kind == "value" else NONE

    def _elsewhere(self, target: Target, depth: int) -> Origins:
        """A value of a module: of constants and names alone."""
        if depth >= DEPTH:
            return NONE
        other = Reader(self.modules, Key(Target("function", "", target.path, self.node), None))
        return other.origins(target.node, depth + 1 if depth else 1)

    def _attribute(self, name: str) -> Origins:
        """What any method of the object keeps under a name; of arguments that its maker had."""
        if name in self.kept:
            return self.kept[name]
        self.kept[name] = NONE
        owner = self.key.owner
        found: set[str] = set()
        for each in owner.node.body if owner and isinstance(owner.node, ast.ClassDef) else []:
            if isinstance(each, ast.Assign | ast.AnnAssign) and each.value:
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                if any(name_of(target) == name for target in targets):
                    found |= Reader(self.modules, Key(self.key.function, None)).origins(each.value)
            if isinstance(each, Function) and each.name == "__init__":
                for part in ast.walk(each):
                    if isinstance(part, ast.Assign) and any(name_of(target) == name for target in part.targets):
                        found |= {f"i:{arg.id}" for arg in ast.walk(part.value) if isinstance(arg, ast.Name)}
        self.kept[name] = limited(found) or frozenset({f"i:{name}"})
        return self.kept[name]

    def target(self, node: ast.expr) -> Target | None:
        """What an expression that is called stands for."""
        if isinstance(node, ast.Name):
            return self.objects.get(node.id) if node.id in self.objects else self.modules.lookup(node.id, self.path)
        if isinstance(node, ast.Attribute):
            inner = self.target(node.value)
            return self.modules.member(inner, node.attr) if inner else None
        # What is made of something from outside is of there too.
        made = self.target(node.func) if isinstance(node, ast.Call) else None
        return Target("outside", f"{made.name}()") if made and made.kind == "outside" else None

    def _call(self, node: ast.Call) -> None:
        name = called(node)
        found = self.target(node.func)
        if isinstance(node.func, ast.Attribute):
            methods = list(self._methods(node.func))
            if methods:
                for owner, function in methods:
                    self._callee(owner, function, node, skip=1)
                return
        if isinstance(node.func, ast.Call) and called(node.func) == "getattr":
            owner = self.target(node.func.args[0]) if node.func.args else None
            if owner and owner.kind in ("module", "outside"):
                self.summary.sinks.add(Sink("?getattr", NONE, self.path))
        if isinstance(node.func, ast.Attribute) and name == "get" and is_mapping(name_of(node.func.value) or ""):
            self._other_node(node.args[0] if node.args else None)
        if found and found.kind == "function":
            self._callee(None, found, node, skip=0)
        elif found and found.kind == "class":
            self._make(found, node)
        elif found and found.kind == "value":
            self._reference(node.func)
        elif self._opens(name, found):
            self._sink(name or "", node)
        elif name in ("exec", "import_module", "__import__") and not self._is_plain_import(node):
            self.summary.sinks.add(Sink(f"?{name}", self._given(node), self.path))
        elif found and found.kind == "outside":
            self._outside(found.name)

    def _other_node(self, name: ast.expr | None) -> None:
        """A node that runs the code of another one: of which, or of any."""
        which = sorted(each[2:] for each in self.origins(name) if each.startswith("c:"))
        for each in which or ["*"]:
            self.summary.sinks.add(Sink(f"?node {each}", NONE, self.path))

    def _outside(self, name: str) -> None:
        root = name.split(".")[0]
        if root == "":
            # Of the node itself, and not among its sources.
            self.summary.sinks.add(Sink(f"?{name.lstrip('.')}", NONE, self.path))
        elif root not in HARMLESS and root not in MODEL_LIBRARIES:
            self.summary.sinks.add(Sink(f"?{root}", NONE, self.path))

    def _is_plain_import(self, node: ast.Call) -> bool:
        return bool(node.args) and isinstance(node.args[0], ast.Constant) and called(node) != "exec"

    def _opens(self, name: str | None, found: Target | None) -> bool:
        if name is None or name in HARMLESS_CALLS:
            return False
        if found is None or found.kind != "outside":
            return name in OPENS
        root, _, rest = found.name.partition(".")
        if root in ("nodes", "comfy_extras") and not self.modules.is_comfyui:
            return name.startswith("load")
        # What is made of a library's class has opened what it opens.
        is_library = root in MODEL_LIBRARIES and "()" not in rest
        return name in OPENS or is_library or rest in OPENS_BY_ROOT.get(root, ())

    def _given(self, node: ast.Call) -> Origins:
        given = [*node.args, *(each.value for each in node.keywords)]
        return NONE.union(*(self.origins(each) for each in given))

    def _sink(self, name: str, node: ast.Call) -> None:
        origins = self._given(node)
        if name.startswith("get_f") and node.args:
            folders = {each[2:] for each in self.origins(node.args[0]) if each.startswith("c:")}
            if folders and folders <= OTHER_FOLDERS:
                return
            name = "folder " + "|".join(sorted(folders)) if folders else "folder"
            origins = frozenset(each for each in origins if each[2:] not in folders)
        if "user" in origins and "models" not in origins:
            return
        self.summary.sinks.add(Sink(name, origins, self.path))

    def _methods(self, node: ast.Attribute) -> Iterator[tuple[Target, Function]]:
        owners: list[Target] = []
        inner = node.value
        if isinstance(inner, ast.Name) and inner.id in ("self", "cls", "s") and self.key.owner:
            owners = [self.key.owner]
        elif isinstance(inner, ast.Call) and called(inner) == "super" and self.key.owner:
            owners = list(self.modules.bases(self.key.owner))
        elif isinstance(inner, ast.Name) and inner.id in self.objects:
            owners = [self.objects[inner.id]] if self.objects[inner.id].kind == "class" else []
        elif isinstance(inner, ast.Call) and (made := self.target(inner.func)) and made.kind == "class":
            owners = [made]
        elif (found := self.target(inner)) and found.kind == "class":
            owners = [found]
        elif not found:
            # Whatever it is, one of the classes that this file knows may be behind it.
            owners = self.modules.known_with(self.path, node.attr)
        for owner in owners:
            if method := self.modules.method(owner, node.attr):
                yield owner, method[1]

    def _make(self, made: Target, node: ast.Call) -> None:
        for name in ("__init__", "__new__", "__call__", "forward"):
            if method := self.modules.method(made, name):
                self._callee(made, method[1], node, skip=1)

    def _callee(self, owner: Target | None, function: Target | Function, node: ast.Call, skip: int) -> None:
        if isinstance(function, Target):
            target, definition = function, function.node
        else:
            where = self.modules.method(owner, function.name) if owner else None
            target = Target("function", function.name, where[0].path if where else self.path, function)
            definition = function
            decorators = {name_of(each) for each in function.decorator_list}
            skip = 0 if "staticmethod" in decorators else skip
        names = [each.arg for each in [*definition.args.posonlyargs, *definition.args.args]][skip:]  # type: ignore[union-attr]
        arguments = {name: self.origins(value) for name, value in zip(names, node.args, strict=False)}
        arguments |= {each.arg: self.origins(each.value) for each in node.keywords if each.arg}
        if any(isinstance(each, ast.Starred) for each in node.args) or any(not each.arg for each in node.keywords):
            arguments["*"] = frozenset({"*"})
        self.summary.callees.append(Callee(Key(target, owner), arguments))

    def _reference(self, node: ast.expr) -> None:
        """A function or class that is named and not called here may be called elsewhere."""
        found = self.target(node)
        if isinstance(node, ast.Attribute) and node.attr == "models_dir":
            self.summary.sinks.add(Sink("folder", NONE, self.path))
        for each in [found] if found and found.kind != "value" else self.modules.named_in(found):
            if each.kind == "function":
                self.summary.callees.append(Callee(Key(each, None), self._anything()))
            elif each.kind == "class":
                for name in ("__init__", "__call__", "forward"):
                    if method := self.modules.method(each, name):
                        target = Target("function", name, method[0].path, method[1])
                        self.summary.callees.append(Callee(Key(target, each), self._anything()))

    def _anything(self) -> dict[str, Origins]:
        arguments = self.node.args
        names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return {"*": frozenset(f"r:{each.arg}" for each in names if each.arg not in ("self", "cls"))}
