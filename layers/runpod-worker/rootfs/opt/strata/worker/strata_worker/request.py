"""A job's input: what may be in it, and everything that is wrong with it.

`{"workflow": {...}, "images": [{"name", "image"}], "options": {...}}`; the workflow in ComfyUI's API format. A key for
Comfy.org's own nodes may lie beside them, as RunPod's own worker-comfyui takes it: `comfy_org_api_key`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from .failure import JobFailure, Problem

# What ComfyUI takes at most where nobody gave it another --max-upload-size.
LARGEST_FILE = 100 * 1024 * 1024
MOST_FILES = 64
MOST_NODES = 5000
LONGEST_NAME = 200
DATA_URI = re.compile(r"data:[\w.+/-]*(;[\w.+-]+=[\w.+-]+)*;base64,", re.ASCII)


class Strict(BaseModel):
    """Nothing is converted, and nothing is overlooked."""

    model_config = ConfigDict(strict=True, extra="forbid")


class Node(BaseModel):
    """ComfyUI itself takes more beside these, such as `_meta`."""

    model_config = ConfigDict(strict=True, extra="allow")

    class_type: Annotated[str, Field(min_length=1)]
    inputs: dict[str, Any]


class InputFile(Strict):
    """A file for ComfyUI's input folder: base64, a data URI, or an address that begins with https://."""

    name: str
    image: Annotated[str, Field(min_length=1)]

    @field_validator("name")
    @classmethod
    def stay_inside(cls, name: str) -> str:
        """A name below the input folder, as loaders name it."""
        path = PurePosixPath(name)
        if (
            path.is_absolute()
            or "\\" in name
            or str(path) != name
            or any(part.startswith(".") for part in name.split("/"))
        ):
            raise ValueError("expected a file name such as photo.png or faces/a.png")
        if not name.isprintable() or len(name.encode()) > LONGEST_NAME:
            raise ValueError(f"has characters that cannot be printed, or more than {LONGEST_NAME} bytes")
        return name

    @field_validator("image")
    @classmethod
    def look_like_content(cls, image: str) -> str:
        """Decodes it once, so that a broken one is told with all the rest."""
        if is_address(image):
            try:
                host = urlsplit(image).hostname
            except ValueError:
                host = None
            if not host or not image.startswith("https://"):
                raise ValueError("expected an address that begins with https://")
            return image
        decode(image)
        return image


class Options(Strict):
    """`timeout` in seconds; `temporary`: files that nodes only preview are results, too."""

    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    output: Literal["auto", "inline", "s3"] = "auto"
    temporary: bool = False


class Input(Strict):
    """Everything that a job may say."""

    workflow: Annotated[dict[str, Node], Field(min_length=1, max_length=MOST_NODES)]
    images: Annotated[list[InputFile], Field(max_length=MOST_FILES)] = Field(default_factory=list)
    options: Options = Field(default_factory=Options)
    comfy_org_api_key: str | None = None


@dataclass(frozen=True)
class Request:
    """A job that can be queued. `workflow` is as it was sent."""

    workflow: dict[str, Any]
    files: list[InputFile]
    options: Options
    comfy_key: str | None = field(default=None, repr=False)


def is_address(image: str) -> bool:
    """Whether it has to be fetched."""
    return "://" in image[:20]


def decode(image: str) -> bytes:
    """The content of base64 or a data URI; raises ValueError."""
    prefix = DATA_URI.match(image)
    if image.startswith("data:") and not prefix:
        raise ValueError("expected a data URI with base64: data:image/png;base64,…")
    try:
        content = base64.b64decode("".join(image[prefix.end() if prefix else 0 :].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("expected base64, a data URI or an address that begins with https://") from error
    if not content:
        raise ValueError("is empty")
    if len(content) > LARGEST_FILE:
        raise ValueError(f"has {len(content)} bytes, more than {LARGEST_FILE}")
    return content


def read_request(content: Any, has_bucket: bool, longest: float) -> Request:
    """Raises JobFailure with every problem. `longest`: seconds that a job may take."""
    problems: list[Problem] = []
    if isinstance(content, dict) and is_editor_format(content.get("workflow")):
        problems.append(
            Problem("workflow", 'is in the format of the editor; save it with "Export (API)" in ComfyUI\'s menu')
        )
        content = {name: value for name, value in content.items() if name != "workflow"}
    try:
        parsed = Input.model_validate(content)
    except ValidationError as error:
        reported = {problem.path for problem in problems}
        problems += [problem for problem in told(error) if problem.path not in reported]
        parsed = None
    workflow = content.get("workflow") if isinstance(content, dict) else None
    if isinstance(workflow, dict):
        problems += broken_links(workflow)
    if isinstance(content, dict):
        problems += repeated_names(content.get("images"))
    if parsed:
        problems += impossible_options(parsed.options, has_bucket, longest)
    if problems or not parsed:
        raise JobFailure("The job cannot be computed as it is:", problems)
    assert isinstance(workflow, dict)
    return Request(workflow, parsed.images, parsed.options, parsed.comfy_org_api_key or None)


def comfy_key_of(content: Any) -> str | None:
    """The key in an input that may be wrong in every other way: it is told to nobody."""
    key = content.get("comfy_org_api_key") if isinstance(content, dict) else None
    return key if isinstance(key, str) else None


def is_editor_format(workflow: Any) -> bool:
    """What ComfyUI saves for itself: a list of nodes and a list of links."""
    return isinstance(workflow, dict) and isinstance(workflow.get("nodes"), list) and "links" in workflow


def told(error: ValidationError) -> Iterator[Problem]:
    """pydantic's findings in our words; the values are left out, as they may be large."""
    for found in error.errors(include_url=False, include_input=False):
        message = found["msg"].removeprefix("Value error, ")
        yield Problem(path_of(found["loc"]), message[:1].lower() + message[1:])


def path_of(location: tuple[str | int, ...]) -> str:
    """`images[0].name`; the input as a whole is `input`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    return path or "input"


def broken_links(workflow: Mapping[str, Any]) -> Iterator[Problem]:
    """Inputs that are connected to a node that is not there. A link is `[id, output]`."""
    for identity, node in workflow.items():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        for name, value in inputs.items() if isinstance(inputs, dict) else ():
            if is_link(value) and value[0] not in workflow:
                yield Problem(
                    f"workflow.{identity}.inputs.{name}", f'is connected to node "{value[0]}", which is missing'
                )


def is_link(value: Any) -> bool:
    """As ComfyUI decides it (comfy_execution/graph_utils.py); a bool is a number in Python alone."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], (int, float))
        and not isinstance(value[1], bool)
    )


def repeated_names(images: Any) -> Iterator[Problem]:
    """Of two files of one name ComfyUI would see the last."""
    names = [image.get("name") for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    for name, count in Counter(name for name in names if isinstance(name, str)).items():
        if count > 1:
            yield Problem("images", f'{count} files are called "{name}"')


def impossible_options(options: Options, has_bucket: bool, longest: float) -> Iterator[Problem]:
    """What this endpoint does not offer."""
    if options.timeout is not None and options.timeout > longest:
        yield Problem("options.timeout", f"is more than the {longest:g} s of this endpoint (STRATA_WORKER_TIMEOUT)")
    if options.output == "s3" and not has_bucket:
        yield Problem("options.output", "this endpoint has no storage: its BUCKET_NAME and the like are not set")
