"""Prepares ComfyUI's start, before any service runs: the volume, the command line, access.

Leaves its decisions in `comfyui.json` of the state folder, which start_comfyui.py and the image's service read. What
people should know goes to stderr; a setting that cannot work ends the container here, with the remedy.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from preparation import access, caches, environment, library, manager, nodes, options, secret_names, volume
from preparation import code as code_folder
from preparation.problem import Problem

CODE = Path("/opt/comfyui")
IMAGE = Path("/opt/strata/image.json")
VENV_CONFIGURATION = Path("/opt/venv/pyvenv.cfg")
EVERYWHERE = "0.0.0.0"
INSIDE = "127.0.0.1"


@dataclass
class Start:
    """What is decided on the way to a plan, and what people should know about it."""

    variables: Mapping[str, str]
    state: Path
    code: Path = CODE
    image: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    network_volume: Path = volume.NETWORK_VOLUME

    @property
    def is_worker(self) -> bool:
        """Whether nobody but the worker beside it talks to ComfyUI."""
        return self.variables.get("STRATA_MODE") == "worker"

    def say(self, message: str) -> None:
        """Shown when everything is decided."""
        self.messages.append(message)


def prepare(start: Start) -> dict[str, Any]:
    """The plan; raises Problem."""
    port = options.check_port(start.variables.get("STRATA_COMFYUI_PORT") or "8188")
    given = options.split_arguments(start.variables.get("STRATA_COMFYUI_ARGS", ""))
    home = Path(start.variables.get("HOME") or "/")
    chosen = volume.choose_volume(
        start.variables,
        # The root folder is the home of users whom the image does not know.
        [*([home / "workspace"] if home != Path("/") else []), start.state / "workspace"],
    )
    start.messages.extend(chosen.warnings)
    start.messages.extend(volume.prepare_folders(chosen.path, volume.standard_model_folders(start.code)))
    old = adopt_checkouts(start, chosen.path)
    hidden = hide_shadowed(start, chosen.path)
    token_file = prepare_token(start, chosen.path)
    login, listen = prepare_login(start, chosen.path, hidden, token_file, given)

    model_paths = start.state / "model_paths.yaml"
    models = find_models(start, chosen.path)
    model_paths.write_text(options.model_paths(start.code, chosen.path, old, models.folders), encoding="utf-8")
    no_gpu = options.why_no_gpu(start.variables)
    arguments = options.comfyui_arguments(
        port=port,
        listen=listen,
        volume=chosen.path,
        temporary=start.state,
        model_paths=model_paths,
        on_cpu=no_gpu is not None,
        given=given,
    )
    if no_gpu and "--cpu" in arguments:
        start.say(f"ComfyUI computes on the CPU: {no_gpu}.")
    if secrets := [name for name in secret_names.withheld(start.variables) if name not in secret_names.OWN]:
        start.say(
            f"Kept from ComfyUI and its nodes: {', '.join(secrets)} ({secret_names.SETTING} hands them on by name)."
        )
    if untold := manager.write_settings(chosen.path, start.code):
        start.say(untold)
    compare_with_last(start, chosen.path)
    return {
        "volume": str(chosen.path),
        "persistent": chosen.persistent,
        "port": port,
        "code": str(start.code),
        "arguments": arguments,
        "environment": comfyui_environment(start, chosen.path),
        "hiddenNodes": hidden,
        "tokenFile": str(token_file) if token_file else None,
        "loginToken": login,
        # Who chooses the address himself has chosen who may come.
        "neededNode": nodes.LOGIN
        if login and listen == EVERYWHERE and not options.names_option(given, "--listen")
        else None,
        "models": models.plan,
    }


def adopt_checkouts(start: Start, path: Path) -> list[Path]:
    """ComfyUI's source in the volume is not run; its files are used."""
    old = volume.find_checkouts(path)
    for checkout in old:
        start.say(
            f"{checkout} holds a ComfyUI of its own, which is not run: the code and the nodes come from the image."
            " Its models are found."
        )
        if linked := volume.link_checkout(path, checkout):
            start.say(f"New links to its files: {', '.join(linked)}.")
        known = nodes.list_nodes(start.code / "custom_nodes") + nodes.list_nodes(path / "custom_nodes")
        kept = nodes.list_nodes(checkout / "custom_nodes")
        if missing := sorted(set(kept) - set(nodes.shadowed_nodes(known, kept))):
            start.say(f"To use its nodes that the image lacks, move them to {path}/custom_nodes: {', '.join(missing)}.")
    return old


def hide_shadowed(start: Start, path: Path) -> list[str]:
    """Nodes of the volume that are not loaded, because the image has them."""
    hidden = nodes.shadowed_nodes(
        nodes.list_nodes(start.code / "custom_nodes"), nodes.list_nodes(path / "custom_nodes")
    )
    if hidden:
        start.say(
            f"Not loaded from {path}/custom_nodes, because the image brings them: {', '.join(hidden)}."
            " Remove them, or rename one to have it loaded beside the image's."
        )
    return hidden


def find_models(start: Start, path: Path) -> library.Library:
    """Where models are. Workers have those in common that are on a network volume."""
    network = start.network_volume
    shared = network if start.is_worker and network.is_dir() and network != path else None
    found = library.find_library(start.variables, start.image, start.code, path, shared)
    start.messages.extend(found.messages)
    if found.fetch == "background":
        # For the entrypoint: a service of its own fetches them.
        (start.state / "models-in-background").touch()
    return found


def prepare_token(start: Start, path: Path) -> Path | None:
    """Checks the given token, or keeps one in the volume and names the file."""
    if given := start.variables.get("STRATA_TOKEN"):
        access.check_token(given)
        return None
    file = path / access.TOKEN_FILE
    try:
        access.keep_token(file)
    except OSError as error:
        raise Problem(str(file), f"cannot be written: {error}.", "Set STRATA_TOKEN.") from error
    start.say(f"The token of the service on port {start.variables.get('STRATA_BACKEND_PORT', '8000')} is in {file}.")
    return file


def prepare_login(
    start: Start, path: Path, hidden: list[str], token_file: Path | None, given: list[str]
) -> tuple[str | None, str]:
    """ComfyUI-Login's token and the address to listen on. Without a working login only this container may ask."""
    node = nodes.find_login(start.code / "custom_nodes", path / "custom_nodes", hidden)
    if not node:
        return None, INSIDE if start.is_worker else EVERYWHERE
    own = start.variables.get("STRATA_LOGIN_PASSWORD")
    try:
        if not options.loads_node(given, node.name):
            raise PermissionError("STRATA_COMFYUI_ARGS switches nodes off")
        token = access.set_password(start.code / "login", own or read_token(start, token_file))
        # It keeps the key of its cookies there, and is not loaded where it cannot.
        if not os.access(node, os.W_OK):
            raise PermissionError(f"{node} cannot be written to")
    except (OSError, ImportError) as error:
        start.say(
            f"ComfyUI-Login does not work here ({error}), so ComfyUI answers only inside this container."
            " STRATA_COMFYUI_ARGS=--listen=0.0.0.0 opens it to everybody."
        )
        return None, INSIDE
    if start.is_worker:
        return token, INSIDE
    if not own:
        start.say("ComfyUI's password is the token of the image's service; STRATA_LOGIN_PASSWORD sets another.")
    return token, EVERYWHERE


def read_token(start: Start, token_file: Path | None) -> str:
    """The token of the image's service."""
    return token_file.read_text(encoding="utf-8").strip() if token_file else start.variables["STRATA_TOKEN"]


def comfyui_environment(start: Start, path: Path) -> dict[str, str]:
    """Variables that start_comfyui.py sets; what a user set himself stays."""
    wanted = environment.folder_settings(start.code, path)
    if environment.sees_user_packages(VENV_CONFIGURATION):
        torch = str(start.image.get("torch") or "none")
        wanted |= environment.package_settings(path, ".".join(platform.python_version_tuple()[:2]), torch)
    settings, without_place = caches.cache_settings(start.variables, [path / "cache/kernels", start.state / "kernels"])
    if without_place:
        start.say(without_place)
    return {name: value for name, value in wanted.items() if name not in start.variables} | settings


def compare_with_last(start: Start, path: Path) -> None:
    """Notes this start in the volume, and says when the last one was with another image."""
    comfyui = start.image.get("comfyui") or {}
    this = {
        "recipe": start.image.get("recipe"),
        "generation": start.image.get("generation"),
        "comfyui": {name: comfyui.get(name) for name in ("version", "commit")},
        "torch": start.image.get("torch"),
        "image": hashlib.sha256(json.dumps(start.image, sort_keys=True).encode()).hexdigest(),
    }
    last = volume.write_marker(path, {**this, "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())})
    if last and last.get("image") != this["image"]:
        before = last.get("comfyui") if isinstance(last.get("comfyui"), dict) else {}
        start.say(
            f"The volume was last used by {last.get('recipe')} with ComfyUI {before.get('version')};"
            f" this is {this['recipe']} with {comfyui.get('version')}."
        )


def main() -> int:
    """Writes the plan; 1 where ComfyUI cannot start."""
    state = Path(os.environ["STRATA_STATE"])
    start = Start({**os.environ, **environment.user_settings(os.environ, state / "home")}, state)
    try:
        start.image = json.loads(IMAGE.read_text(encoding="utf-8"))
        start.code = code_folder.writable_code(CODE, start.state)
        plan = prepare(start)
    except Problem as problem:
        print(f"strata: {problem}", file=sys.stderr)
        return 1
    access.write_secret(start.state / "comfyui.json", json.dumps(plan, indent=2))
    for message in start.messages:
        print(f"strata: {message}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
