"""Usage: python3 tools/lock/node_classes < repository.json. Reads the node classes of a repository from its sources.

Stdin is one JSON object, `{"sources": {path: text}, "files": [path, …], "listed": [class, …]}`: all Python files, the paths
of all files, and classes that others say it has. Nothing of it is imported or run. Prints one JSON object:

    {"classes": ["UNETLoader", …],
     "models": {"UNETLoader": {"unet_name": {"folders": ["diffusion_models"], "widget": 0}}},
     "loads": {"CLIPSEG2": [{"calls": ["from_pretrained"], "inputs": [], "names": ["CIDAS/clipseg-rd64-refined"]}]},
     "open": ["Computed", …],
     "alone": […],
     "unread": ["broken.py", …]}

`folders` are ComfyUI's names for folders of models; `widget` is the place among the node's widgets, null where it cannot be
told. `loads` is what a class opens or fetches beyond the files that its inputs name: by which calls, which other inputs
decide on it, and what the code names; a call that begins with `?` could not be looked into. `open` are classes whose code
was not found. `alone` are classes with models that ComfyUI runs although nothing uses their result. `unread` are files that
this Python cannot parse.
"""

from __future__ import annotations

import ast
import json
import sys
from typing import Any

from inputs import model_inputs, sockets
from loads import Loads, described
from mappings import computes_names, labelled, plain, registered, runs_alone
from modules import Target
from repository import Repository


def read(sources: dict[str, str], files: list[str], listed: list[str]) -> dict[str, Any]:
    """Everything that can be told about one repository."""
    repository, trees, unread = Repository(), {}, []
    for path, text in sorted(sources.items()):
        try:
            trees[path] = ast.parse(text.removeprefix("\ufeff"))
        except (SyntaxError, ValueError):
            unread.append(path)
        else:
            repository.add(path, trees[path])
    code = Loads(trees)
    names = frozenset(part for path in files for part in path.split("/"))
    classes: dict[str, bool] = {}
    models, loads, alone = {}, {}, []
    for path, tree in trees.items():
        for name, python_class in registered(tree, path, repository):
            found = code.modules.behind(python_class, path) or repository.find("classes", python_class, path)
            if classes.get(name) or not python_class or not found:
                classes.setdefault(name, False)
                continue
            classes[name] = True
            inputs = model_inputs(python_class, path, repository)
            if inputs:
                models[name] = inputs
                alone += [name] if runs_alone(python_class, path, repository) else []
            sinks = code.of(Target("class", python_class, *found))
            if opened := described(sinks, set(inputs), sockets(python_class, path, repository), names):
                loads[name] = opened
    # Others know a name that the code computes, or one of another version.
    if any(computes_names(tree, path, repository) for path, tree in trees.items()) or unread:
        labels = labelled(repository)
        for name in listed:
            path, definition = labels.get(plain(name), (None, None))
            if path and definition and name not in classes:
                opened = described(code.of(Target("class", definition.name, path, definition)), set(), set(), names)
                loads.update({name: opened} if opened else {})
            classes.setdefault(name, path is not None)
    return {
        "classes": sorted(classes),
        "models": dict(sorted(models.items())),
        "loads": dict(sorted(loads.items())),
        "open": sorted(name for name, is_found in classes.items() if not is_found),
        "alone": sorted(alone),
        "unread": unread,
    }


if __name__ == "__main__":
    json.dump(read(**json.load(sys.stdin)), sys.stdout)
