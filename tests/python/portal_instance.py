"""An instance in a folder: supervisord with its services, the portal and the tunnel manager as they are in the image, and a
stand-in of cloudflared; with STRATA_TEST_CADDY and STRATA_TEST_DOOR_PORT the real door as well. The other services only write logs.

python portal_instance.py serve FOLDER PORTAL_PORT TUNNELS_PORT
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import uvicorn
import yaml
from support import FAKE_CLOUDFLARED, LAYERS, PORTAL

from portal.app import create_app as portal_app
from portal.settings import Settings as PortalSettings
from tunnel_manager.app import create_app as tunnels_app
from tunnel_manager.settings import Patience
from tunnel_manager.settings import Settings as TunnelSettings

PASSWORD = "correct-horse-battery"
APPLICATIONS = {
    "Instance Portal": (1111, 11111, "/"),
    "ComfyUI": (8188, 18188, "/"),
    "Jupyter": (8080, 18080, "/"),
    "Jupyter Terminal": (8080, 18080, "/terminals/1"),
    "Tensorboard": (6006, 16006, "/"),
}
CONFIGURATION = """[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile={folder}/supervisord.pid
[unix_http_server]
file={folder}/supervisor.sock
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """[program:{name}]
command={command}
autorestart={restart}
startsecs={startsecs}
startretries=0
stopwaitsecs=3
redirect_stderr=true
stdout_logfile={folder}/logs/{name}.log
stdout_logfile_maxbytes=5MB
"""


def prepare(folder: Path, portal_port: int, tunnels_port: int) -> None:
    """Everything that boot, door and image would have written."""
    for name in ("logs", "workspace", "cloudflare"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_applications(folder, APPLICATIONS)
    (folder / "provisioning.json").write_text(
        json.dumps(
            {
                "state": "complete",
                "script": "https://example.org/provision.sh",
                "started": "2026-11-29T10:00:00Z",
                "ended": "2026-11-29T10:02:41Z",
                "detail": "",
            }
        )
    )
    (folder / "boot.json").write_text('{"failed": []}')
    (folder / "image.json").write_text(
        json.dumps({"recipe": "vast", "generation": "ada", "cuda": "13.0", "torch": "2.14.0"})
    )
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "cloudflare/behaviour").write_text("ok")
    write_cloudflared(folder / "cloudflared", folder / "cloudflare")
    own = f"{shlex.quote(sys.executable)} {shlex.quote(__file__)}"
    caddy = os.environ.get("STRATA_TEST_CADDY")
    programs = {
        "caddy": door_command(folder, caddy, portal_port) if caddy else f"{own} chatter caddy",
        "comfyui": f"{own} chatter comfyui",
        "instance_portal": f"{own} portal {folder} {portal_port} {tunnels_port}",
        "jupyter": f"{own} chatter jupyter",
        "sshd": f"{own} chatter sshd",
        "tensorboard": f"{own} fail",
        "tunnel_manager": f"{own} tunnels {folder} {tunnels_port}",
    }
    sections = [
        PROGRAM.format(
            name=name,
            command=command,
            folder=folder,
            restart="false" if name == "tensorboard" else "true",
            # What ends within it has failed, also on a slow machine.
            startsecs=90 if name == "tensorboard" else 1,
        )
        for name, command in programs.items()
    ]
    (folder / "supervisord.conf").write_text(CONFIGURATION.format(folder=folder) + "".join(sections))


def door_command(folder: Path, caddy: str, portal_port: int) -> str:
    """The real door, with Caddy: before the portal on a port, before the others on their sockets for tunnels."""
    code = folder / "door"
    shutil.copytree(LAYERS / "door/rootfs/opt/strata/door", code, ignore=shutil.ignore_patterns("__pycache__"))
    # The image's place of Caddy is fixed.
    settings = code / "strata_door/settings.py"
    settings.write_text(settings.read_text().replace('"/opt/caddy/bin/caddy"', json.dumps(caddy)))
    door_port = int(os.environ["STRATA_TEST_DOOR_PORT"])
    entries = {
        label: {"hostname": "localhost", "external_port": external, "internal_port": internal}
        for label, (external, internal, _) in APPLICATIONS.items()
    }
    entries["Instance Portal"] |= {"internal_port": portal_port}
    entries["Door"] = {"hostname": "localhost", "external_port": door_port, "internal_port": portal_port}
    variables = {
        "STRATA_DOOR_STATE": f"{folder}/door-state",
        "STRATA_DOOR_RUN": str(folder),
        "STRATA_DOOR_APPLICATIONS": json.dumps({"applications": entries}),
        "WEB_PASSWORD": PASSWORD,
        # As on vast.ai: only on ports that the host maps.
        f"VAST_TCP_PORT_{door_port}": str(door_port),
    }
    file = folder / "door.sh"
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    file.write_text(f"{exports}exec {shlex.quote(sys.executable)} {code}\n")
    return f"sh {file}"


def write_applications(folder: Path, applications: dict[str, tuple[int, int, str]]) -> None:
    """What boot and door write."""
    entries = {
        label: {
            "hostname": "localhost",
            "external_port": external,
            "internal_port": internal,
            "open_path": path,
            "name": label,
        }
        for label, (external, internal, path) in applications.items()
    }
    (folder / "portal.yaml").write_text(yaml.safe_dump({"applications": entries}, sort_keys=False))
    behind = {external: internal for external, internal, _ in applications.values() if external != internal}
    doors = [
        {
            "label": str(external),
            "external_port": external,
            "internal_port": internal,
            "scheme": "https",
            "tunnel_socket": f"{folder}/tunnel/{external}.sock",
        }
        for external, internal in behind.items()
    ]
    (folder / "entrances.json").write_text(json.dumps({"applications": doors}))


def write_cloudflared(program: Path, behaviour: Path) -> None:
    """The stand-in as a program."""
    path = os.pathsep.join([str(PORTAL), *filter(None, sys.path)])
    words = [sys.executable, str(FAKE_CLOUDFLARED), str(behaviour)]
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {shlex.join(words)} "$@"\n')
    program.chmod(0o755)


def portal_settings(folder: Path, tunnels_port: int, **variables: str) -> PortalSettings:
    """The portal's, all within the folder."""
    return replace(
        PortalSettings.load({"WORKSPACE": str(folder / "workspace"), **variables}),
        applications=folder / "portal.yaml",
        entrances=folder / "entrances.json",
        supervisor=folder / "supervisor.sock",
        logs=folder / "logs",
        tunnels=f"http://127.0.0.1:{tunnels_port}",
        provisioning=folder / "provisioning.json",
        boot=folder / "boot.json",
        workspace_notes=folder / "workspace.json",
        image=folder / "image.json",
        passwords=(folder / "password",),
    )


def tunnel_settings(folder: Path, patience: Patience | None = None, **variables: str) -> TunnelSettings:
    """The tunnel manager's, all within the folder, with the stand-in."""
    given = {"PATH": os.environ["PATH"], "HF_TOKEN": "hf_not_for_others", **variables}
    return replace(
        TunnelSettings.load(given),
        program=str(folder / "cloudflared"),
        applications=folder / "portal.yaml",
        entrances=folder / "entrances.json",
        state=folder / "tunnel-manager",
        patience=patience or Patience(between_starts=0.2, retries=(1, 1, 1)),
    )


def chatter(name: str) -> None:
    """Logs as the real services write them: colours, a progress bar, and a login that nobody should see."""
    lines = {
        "comfyui": [
            "\x1b[32m[START]\x1b[0m Security scan",
            "\x1b[36mTotal VRAM\x1b[0m 24564 MB, total RAM 64288 MB",
            "Set vram state to: \x1b[1mNORMAL_VRAM\x1b[0m",
            "Device: cuda:0 NVIDIA GeForce RTX 4090 : \x1b[38;5;214mcudaMallocAsync\x1b[0m",
            "\x1b[33m[WARNING]\x1b[0m Could not load node <b>comfyui-bold</b>: see the traceback above",
            f"Login for tests: vastai:{PASSWORD} and http://localhost:8080/lab?token=0123456789abcdef",
            "\x1b]0;a title\x07Starting server",
            "To see the GUI go to: http://127.0.0.1:18188",
        ],
        "jupyter": ["[I 2026-11-29 10:00:03 ServerApp] Serving notebooks from local directory: /workspace"],
        "caddy": ['{"level":"info","msg":"serving initial configuration"}'],
        "sshd": ["Server listening on 0.0.0.0 port 22."],
    }[name]
    for line in lines:
        print(line, flush=True)
    step = 0
    while True:
        if name == "comfyui":
            done = step % 21
            bar = "█" * done + " " * (20 - done)
            print(f"\r{done * 5:3d}%|{bar}| {done}/20 [00:{done:02d}<00:{20 - done:02d}]", end="", flush=True)
            if done == 20:
                print(f"\n\x1b[32mPrompt executed\x1b[0m in {10 + step % 7}.4 seconds", flush=True)
            step += 1
        time.sleep(0.4)


def main(words: list[str]) -> None:
    """One of the programs."""
    match words:
        case ["serve", folder, portal_port, tunnels_port]:
            prepare(Path(folder), int(portal_port), int(tunnels_port))
            os.execvp(
                sys.executable,
                [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", f"{folder}/supervisord.conf"],
            )
        case ["portal", folder, port, tunnels_port]:
            settings = portal_settings(Path(folder), int(tunnels_port), VAST_CONTAINERLABEL="C.18293746")
            uvicorn.run(portal_app(settings), port=int(port), log_level="warning", timeout_graceful_shutdown=2)
        case ["tunnels", folder, port]:
            settings = tunnel_settings(Path(folder))
            uvicorn.run(tunnels_app(settings), port=int(port), log_level="warning", timeout_graceful_shutdown=2)
        case ["chatter", name]:
            chatter(name)
        case ["fail"]:
            print("ModuleNotFoundError: No module named 'tensorboard'", flush=True)
            sys.exit(1)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
