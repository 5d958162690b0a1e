"""torch as far as checks 30 and 40 need it to be loaded: what they compute with it, their tests put in its place."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any
from unittest import mock

from support import load

NAMES = (
    "torch",
    "torch.nn",
    "torch.nn.attention",
    "torch.nn.functional",
    "torch.utils",
    "torch.utils._python_dispatch",
)
HAS_TORCH = importlib.util.find_spec("torch") is not None


class DispatchMode:
    """Something that a class can be derived from."""


def load_with_fake(number: str) -> Any:
    """The module of a check, with a torch that answers everything with something."""
    modules = {name: mock.MagicMock(name=name) for name in NAMES}
    modules["torch.utils._python_dispatch"].TorchDispatchMode = DispatchMode
    with mock.patch.dict(sys.modules, modules):
        module = load(number)
    return module
