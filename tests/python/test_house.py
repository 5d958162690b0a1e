"""The plan of the house holds for Python too: no import circle, no long file, no long function."""

import ast
import graphlib
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MOST_LINES = 300
MOST_FUNCTION_LINES = 60


def programs() -> list[Path]:
    """Every Python file of the repository that is no test."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [
        REPOSITORY / name
        for name in listed
        if not name.startswith("tests/") and "/tests/" not in name and (REPOSITORY / name).exists()
    ]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(file: Path, tree: ast.AST, files: set[Path]) -> set[Path]:
    """The files of the repository that one imports: beside it, in its package, or in a package of the same root."""
    found: set[Path] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= resolve(file, alias.name, 0, [], files)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            found |= resolve(file, node.module or "", node.level, names, files)
    # A module imports its packages by being in them.
    return {
        other for other in found if other != file and not (other.stem == "__init__" and other.parent in file.parents)
    }


def resolve(file: Path, module: str, level: int, names: list[str], files: set[Path]) -> set[Path]:
    path = Path(*module.split(".")) if module else Path()
    bases = [file.parents[level - 1]] if level else [file.parent, *file.parents]
    for base in bases:
        target = base / path
        candidates = [target / f"{name}.py" for name in names] + [target / "__init__.py"]
        if module:
            candidates.append(target.with_suffix(".py"))
        found = {candidate for candidate in candidates if candidate in files}
        if found:
            return found
    return set()


class House(unittest.TestCase):
    def setUp(self) -> None:
        self.trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in programs()}

    def test_no_file_imports_itself_whatever_way_round(self) -> None:
        files = set(self.trees)
        graph = {file: imported(file, tree, files) for file, tree in self.trees.items()}
        self.assertGreater(sum(map(len, graph.values())), 100, "imports are found")
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            self.fail(" → ".join(str(file.relative_to(REPOSITORY)) for file in error.args[1]))

    def test_no_import_of_ours_hides_in_a_function(self) -> None:
        files = set(self.trees)
        hidden = [
            f"{file.relative_to(REPOSITORY)} {function.name}"
            for file, tree in self.trees.items()
            for function in functions(tree)
            if imported(file, function, files)
        ]
        self.assertEqual(hidden, [])

    def test_files_and_functions_are_short(self) -> None:
        long = [
            f"{file.relative_to(REPOSITORY)}: {lines}"
            for file in self.trees
            if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MOST_LINES
        ]
        self.assertEqual(long, [])
        functions_too_long = [
            f"{file.relative_to(REPOSITORY)} {function.name}: {lines}"
            for file, tree in self.trees.items()
            for function in functions(tree)
            if (lines := (function.end_lineno or 0) - function.lineno + 1) > MOST_FUNCTION_LINES
        ]
        self.assertEqual(functions_too_long, [])

    def test_a_circle_is_found(self) -> None:
        one, other = REPOSITORY / "x/a.py", REPOSITORY / "x/b.py"
        files = {one, other}
        self.assertEqual(imported(one, ast.parse("from b import f"), files), {other})
        self.assertEqual(imported(one, ast.parse("def f():\n    from .b import g"), files), {other})
        self.assertEqual(imported(other, ast.parse("import a, json"), files), {one})


if __name__ == "__main__":
    unittest.main()
