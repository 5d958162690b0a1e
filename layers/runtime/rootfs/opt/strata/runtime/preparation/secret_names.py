"""Which variables are secrets, by their names: nodes are programs of strangers, and have no business with them.

A list of names would never be whole: each host and each service has its own. So every name with a word for a secret in it
is taken for one, and a person can hand single ones on (`STRATA_COMFYUI_SECRETS`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .problem import Problem

SETTING = "STRATA_COMFYUI_SECRETS"
WORDS = {"KEY", "KEYS", "TOKENS", "SECRETS", "PASS", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS", "PAT"}
# As the end of a word: GITHUBTOKEN and TOKEN, but not TOKENIZERS_PARALLELISM.
ENDINGS = ("TOKEN", "SECRET", "PASSWORD", "APIKEY")
# Of storages and clouds: where to ask is as telling as the key.
PREFIXES = ("AWS_", "AZURE_", "BUCKET_")
# Who has them is the service itself.
OWN = {"STRATA_TOKEN", "STRATA_LOGIN_PASSWORD"}


def is_secret(name: str) -> bool:
    """Whether a variable of this name is one."""
    words = name.upper().split("_")
    return name.upper().startswith(PREFIXES) or any(word in WORDS or word.endswith(ENDINGS) for word in words)


def handed_on(text: str) -> frozenset[str]:
    """`STRATA_COMFYUI_SECRETS` as names; raises Problem."""
    names = frozenset(name for name in re.split(r"[,\s]+", text) if name)
    for name in sorted(names):
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
            # It may be the secret itself.
            raise Problem(SETTING, "expected names of variables.", "Such as HF_TOKEN,OPENAI_API_KEY.")
        if name in OWN:
            raise Problem(SETTING, f"{name} is not for nodes: with it they are the service.", "Leave it out.")
    return names


def withheld(variables: Mapping[str, str]) -> list[str]:
    """The variables that ComfyUI does not get; raises Problem."""
    kept = handed_on(variables.get(SETTING, ""))
    return sorted(name for name in variables if is_secret(name) and name not in kept and name != SETTING)
