"""Where the portal finds things."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portal_common.applications import APPLICATIONS, ENTRANCES

# Without them there is no page to start them again.
NEEDED = frozenset({"instance_portal", "caddy", "tunnel_manager"})


@dataclass(frozen=True)
class Settings:
    """Files, sockets and names."""

    variables: Mapping[str, str] = field(repr=False)
    applications: Path = APPLICATIONS
    entrances: Path = ENTRANCES
    supervisor: Path = Path("/var/run/supervisor.sock")
    logs: Path = Path("/var/log/portal")
    tunnels: str = "http://127.0.0.1:11112"
    provisioning: Path = Path("/run/strata/provisioning.json")
    boot: Path = Path("/run/strata/boot.json")
    workspace_notes: Path = Path("/run/strata/workspace.json")
    image: Path = Path("/opt/strata/image.json")
    passwords: tuple[Path, ...] = (Path("/var/lib/strata/door/password"),)
    workspace: Path = Path("/workspace")
    unstoppable: frozenset[str] = NEEDED

    @staticmethod
    def load(variables: Mapping[str, str] | None = None) -> Settings:
        """As the container's environment has it."""
        given = dict(os.environ if variables is None else variables)
        state = given.get("STRATA_DOOR_STATE") or "/var/lib/strata/door"
        named = {name.strip() for name in given.get("PORTAL_UNSTOPPABLE", "").split(",")}
        return Settings(
            variables=given,
            passwords=(Path(state) / "password",),
            workspace=Path(given.get("WORKSPACE") or given.get("DATA_DIRECTORY") or "/workspace"),
            unstoppable=NEEDED | (named - {""}),
        )
