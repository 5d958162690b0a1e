"""The requests and answers of the routes. Field names are camelCase in JSON."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from strata_backend.models import Answer, System

from .downloads import Download
from .inventory import Node


class Comfyui(Answer):
    """ComfyUI as the image describes it and as it reports itself; `devices` are what it computes on."""

    ready: bool
    reason: str | None = None
    version: str | None = None
    commit: str | None = None
    reported_version: str | None = None
    devices: list[dict[str, Any]] = Field(default_factory=list)


class VolumeAnswer(Answer):
    """Where the user's files are. What is not persistent goes with the container."""

    path: str
    persistent: bool
    free_bytes: int


class StudioSystem(System):
    """`GET /system` of an image with ComfyUI."""

    comfyui: Comfyui
    volume: VolumeAnswer


class NodeAnswer(Answer):
    """A folder of nodes; see inventory.Node."""

    folder: str
    source: str
    status: str
    classes: list[str]
    reason: str | None
    traceback: str | None
    repository: str | None
    commit: str | None
    version: str | None
    group: str | None
    known_failure: str | None

    @classmethod
    def of(cls, node: Node) -> NodeAnswer:
        """The same in JSON's terms."""
        return cls(**vars(node))


class Nodes(Answer):
    """`GET /comfyui/nodes`; `classes` counts ComfyUI's own too."""

    ready: bool
    reason: str | None = None
    classes: int | None
    nodes: list[NodeAnswer]


class ModelAnswer(Answer):
    """A file; `modified` in seconds since 1970."""

    name: str
    bytes: int
    modified: float


class ModelFolder(Answer):
    """A kind of models; `paths` are searched in this order, and downloads go to the first."""

    folder: str
    paths: list[str]
    models: list[ModelAnswer]


class DownloadRequest(Answer):
    """`POST /comfyui/models/download`."""

    repository: str = Field(examples=["Comfy-Org/z_image_turbo"])
    file: str = Field(examples=["split_files/vae/ae.safetensors"])
    revision: str | None = None
    folder: str = Field(examples=["vae"])
    overwrite: bool = False


class DownloadAnswer(Answer):
    """How far a download is; sizes in bytes."""

    id: str
    status: str
    repository: str
    file: str
    revision: str
    folder: str
    name: str
    loaded: int
    total: int | None
    sha256: str | None
    commit: str | None
    reason: str | None

    @classmethod
    def of(cls, download: Download) -> DownloadAnswer:
        """The same in JSON's terms."""
        order = download.order
        return cls(
            id=order.id,
            repository=order.repository,
            file=order.file,
            revision=order.revision,
            folder=order.folder,
            name=order.destination.name,
            **{name: getattr(download, name) for name in ("status", "loaded", "total", "sha256", "commit", "reason")},
        )


class WorkflowRequest(Answer):
    """`POST /comfyui/workflows`: nodes by id, as ComfyUI's menu exports them with "Export (API)"."""

    workflow: dict[str, Any]
    extra_data: dict[str, Any] = Field(default_factory=dict)


class WorkflowAnswer(Answer):
    """How far a workflow is. `error` has node, message and traceback."""

    id: str
    status: str
    outputs: list[dict[str, Any]]
    error: dict[str, Any] | None


class Restarted(Answer):
    """`POST /comfyui/restart`."""

    seconds: float
