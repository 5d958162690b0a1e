"""What is told beside services and logs: applications with their addresses, provisioning, what failed in the boot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from portal_common.addresses import direct_url
from portal_common.applications import read_applications, read_entrances

from .settings import Settings


class Card(BaseModel):
    """An application as the page shows it; no address holds a token."""

    name: str
    hostname: str
    external_port: int
    internal_port: int
    open_path: str
    direct_url: str | None
    protected: bool


class Provisioning(BaseModel):
    """The user's script: none, running, complete, failed or timed-out."""

    state: str = "none"
    script: str = ""
    started: str | None = None
    ended: str | None = None
    detail: str = ""


class BootFailure(BaseModel):
    """A script of the boot that failed; the boot went on."""

    script: str
    status: str


class State(BaseModel):
    """How the instance came up, and what it is."""

    instance: str
    # Whether whoever asks came through the door, and so can log out.
    has_login: bool
    messages: list[str]
    provisioning: Provisioning
    boot_failures: list[BootFailure]
    image: dict[str, Any]


def cards(settings: Settings, asked: str | None) -> list[Card]:
    """The applications, in their order."""
    entrances = read_entrances(settings.entrances)
    return [
        Card(
            name=application.label,
            hostname=application.hostname,
            external_port=application.external_port,
            internal_port=application.internal_port,
            open_path=application.path(),
            direct_url=direct_url(application, entrances.get(application.external_port), settings.variables, asked),
            protected=application.external_port in entrances and not is_open(application.external_port, settings),
        )
        for application in read_applications(settings.applications)
    ]


def is_open(port: int, settings: Settings) -> bool:
    """Whether the user told the door to let everybody through."""
    excluded = {word.strip() for word in settings.variables.get("AUTH_EXCLUDE", "").split(",")}
    switch = settings.variables.get("ENABLE_AUTH", "").strip().lower()
    return str(port) in excluded or switch in ("false", "0", "no", "off")


def state(settings: Settings, has_login: bool) -> State:
    """As the boot wrote it down."""
    found = read_object(settings.provisioning)
    known = {name: str(found[name]) for name in Provisioning.model_fields if found.get(name) is not None}
    failures = read_object(settings.boot).get("failed")
    image = read_object(settings.image)
    messages = read_object(settings.workspace_notes).get("messages")
    return State(
        instance=settings.variables.get("VAST_CONTAINERLABEL") or settings.variables.get("HOSTNAME", ""),
        has_login=has_login,
        messages=[str(message) for message in messages] if isinstance(messages, list) else [],
        provisioning=Provisioning(**known),
        boot_failures=[
            BootFailure(script=str(entry.get("script", "")), status=str(entry.get("status", "")))
            for entry in (failures if isinstance(failures, list) else [])
            if isinstance(entry, Mapping)
        ],
        image={
            name: image[name] for name in ("recipe", "generation", "cuda", "torch") if isinstance(image.get(name), str)
        },
    )


def read_object(file: Path) -> dict[str, Any]:
    """A file's JSON object; empty where there is none, or half of one."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
