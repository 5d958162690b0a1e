"""Usage: python3 tools/lock/node_classes < sources.json. Reads the node classes of a repository from its sources.

Stdin is one JSON object, path to text. Nothing of it is imported or run: a class whose name is computed, or an input
whose list of files is, stays unknown. Prints one JSON object:

    {"classes": ["UNETLoader", …],
     "models": {"UNETLoader": {"unet_name": {"folders": ["diffusion_models"], "widget": 0}}},
     "alone": […],
     "unread": ["broken.py", …]}

`folders` are ComfyUI's names for folders of models; `widget` is the place among the node's widgets, null where it
cannot be told. `alone` are classes with models that ComfyUI runs although nothing uses their result. `unread` are files
that this Python cannot parse.
"""

from __future__ import annotations

import ast
import json
import sys
from typing import Any

from inputs import model_inputs
from mappings import registered, runs_alone
from repository import Repository


def read(sources: dict[str, str]) -> dict[str, Any]:
    """Everything that can be told about one repository."""
    repository, trees, unread = Repository(), {}, []
    for path, text in sorted(sources.items()):
        try:
            trees[path] = ast.parse(text.removeprefix("\ufeff"))
        except (SyntaxError, ValueError):
            unread.append(path)
        else:
            repository.add(path, trees[path])
    classes, models, alone = set(), {}, []
    for path, tree in trees.items():
        for name, python_class in registered(tree, path, repository):
            classes.add(name)
            if python_class and name not in models and (found := model_inputs(python_class, path, repository)):
                models[name] = found
                alone += [name] if runs_alone(python_class, path, repository) else []
    return {
        "classes": sorted(classes),
        "models": dict(sorted(models.items())),
        "alone": sorted(alone),
        "unread": unread,
    }


if __name__ == "__main__":
    json.dump(read(json.load(sys.stdin)), sys.stdout)
