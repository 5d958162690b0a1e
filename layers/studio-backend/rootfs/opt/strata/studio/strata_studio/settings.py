"""What the package reads from its environment and from the start's plan; nothing else in it does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where ComfyUI, its files and its process manager are. Times in seconds."""

    url: str
    login_token: str | None
    token: str
    volume: Path
    persistent: bool
    hidden_nodes: tuple[str, ...]
    control: Path
    failed_nodes: Path
    models_fetch: Path | None = None
    code: Path = Path("/opt/comfyui")
    # An answer of ComfyUI can take long while it computes: its Python holds the interpreter's lock.
    health_timeout: float = 4.0
    answer_timeout: float = 60.0
    restart_timeout: float = 300.0
    downloads_at_once: int = 2

    @property
    def models(self) -> Path:
        """The folder of all model folders."""
        return self.volume / "models"


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the plan that the container's start left in `STRATA_STATE`; raises OSError, ValueError, KeyError."""
    state = Path(environment["STRATA_STATE"])
    plan = json.loads((state / "comfyui.json").read_text(encoding="utf-8"))
    token_file = plan["tokenFile"]
    return Settings(
        url=f"http://127.0.0.1:{plan['port']}",
        login_token=plan["loginToken"],
        token=Path(token_file).read_text(encoding="utf-8").strip() if token_file else environment["STRATA_TOKEN"],
        volume=Path(plan["volume"]),
        persistent=plan["persistent"],
        hidden_nodes=tuple(plan["hiddenNodes"]),
        control=state / "control.sock",
        failed_nodes=state / "failed-nodes.jsonl",
        models_fetch=state / "models-fetch.json",
    )
