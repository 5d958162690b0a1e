"""ComfyUI's command line and its file of model folders."""

from __future__ import annotations

import ctypes
import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .problem import Problem

# Given by a user, each of these says on what to compute; ComfyUI takes only one of most of them.
DEVICE_OPTIONS = {
    *("--cpu", "--gpu-only", "--highvram", "--normalvram", "--lowvram", "--novram"),
    *("--directml", "--cuda-device", "--default-device", "--oneapi-device-selector"),
}
# What other parts of the image have to know, too.
SETTINGS = {
    "--port": "Set STRATA_COMFYUI_PORT.",
    "--base-directory": "Set STRATA_VOLUME.",
    "--tls-keyfile": "Put a proxy with TLS before the container.",
    "--tls-certfile": "Put a proxy with TLS before the container.",
}


def split_arguments(text: str) -> list[str]:
    """`STRATA_COMFYUI_ARGS` as a shell splits it; raises Problem."""
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise Problem("STRATA_COMFYUI_ARGS", f"{error} in {text!r}.", "Close the quotation.") from error
    for argument in arguments:
        if remedy := SETTINGS.get(option_name(argument)):
            raise Problem("STRATA_COMFYUI_ARGS", f"{argument} cannot be given here.", remedy)
    return arguments


def option_name(argument: str) -> str:
    """`--port` of `--port=8188`."""
    return argument.split("=", 1)[0]


def names_option(arguments: Iterable[str], name: str) -> bool:
    """Whether an option is among them, with its value or before it."""
    return any(option_name(argument) == name for argument in arguments)


def loads_node(given: list[str], folder: str) -> bool:
    """Whether ComfyUI loads a node with these arguments of the user's."""
    return not names_option(given, "--disable-all-custom-nodes") or folder in given


def check_port(text: str) -> int:
    """`STRATA_COMFYUI_PORT` as a number; raises Problem."""
    if problem := port_problem(text, "STRATA_COMFYUI_PORT", "8188"):
        raise problem
    return int(text)


def port_problem(text: str, name: str, usual: str) -> Problem | None:
    """What is wrong with a port; None for one that a service can listen on."""
    if text.isdecimal() and 0 < int(text) < 65536:
        return None
    return Problem(name, f'expected a number up to 65535, got "{text}".', f"Try {usual}.")


def load_driver() -> bool:
    """Whether the NVIDIA driver's library is there; the container engine brings it in beside the devices."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def why_no_gpu(
    environment: Mapping[str, str], devices: Path = Path("/dev"), has_driver: Callable[[], bool] = load_driver
) -> str | None:
    """Why ComfyUI has to compute on the CPU; None where there is a GPU for it."""
    # Slurm hides them by the last of these.
    if environment.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1", "NoDevFiles"):
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    if not any(devices.glob("nvidia[0-9]*")) and not (devices / "dxg").exists():
        return "this container has no GPU (docker run --gpus all gives it one)"
    if not has_driver():
        return "there is a GPU but no NVIDIA driver in this container (docker run --gpus all brings it in)"
    return None


def comfyui_arguments(
    *,
    port: int,
    listen: str,
    volume: Path,
    temporary: Path,
    model_paths: Path,
    on_cpu: bool,
    given: list[str],
) -> list[str]:
    """The whole command line. What the user gave comes last, as the last one of two counts."""
    names = {option_name(argument) for argument in given}
    return [
        *("--listen", listen, "--port", str(port), "--disable-auto-launch"),
        *("--base-directory", str(volume)),
        # Beside the volume, which may be slow: what is in there is thrown away at each start.
        *("--temp-directory", str(temporary)),
        # Else it would lie beside the code.
        *("--database-url", f"sqlite:///{volume}/user/comfyui.db"),
        *("--extra-model-paths-config", str(model_paths)),
        *(["--cpu"] if on_cpu and not names & DEVICE_OPTIONS else []),
        *given,
    ]


def model_paths(code: Path, volume: Path, checkouts: Iterable[Path], libraries: Mapping[str, Path]) -> str:
    """The file for `--extra-model-paths-config`: JSON, which is YAML too.

    The image's nodes are searched after the volume's: ComfyUI-Manager installs into the first folder, and of two nodes
    of one name the image's counts. A model folder of an old checkout, or of one of the `libraries`, is named together
    with the volume's own, because a node that finds its kind of model known does not add the usual folder any more.
    """
    image = {"base_path": str(code), "custom_nodes": "custom_nodes", "configs": "models/configs"}
    others = {f"old {checkout.name}": checkout / "models" for checkout in checkouts} | dict(libraries)
    listed = {
        name: {
            folder.name: f"{volume}/models/{folder.name}\n{folder}"
            for folder in sorted(models.iterdir())
            if folder.is_dir() and folder.name != "configs"
        }
        for name, models in others.items()
        if models.is_dir()
    }
    return json.dumps({"image": image, **{name: folders for name, folders in listed.items() if folders}}, indent=2)
