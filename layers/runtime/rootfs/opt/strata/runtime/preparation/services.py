"""Which services run, and with which settings of their own: decided before any of them starts, in every image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .options import port_problem
from .problem import Problem
from .secret_names import is_secret

LLAMA_SERVER = "/opt/llama.cpp/bin/llama-server"
COUNTING_MODEL = "/opt/strata/models/counting.gguf"
# Each of these names a model for llama-server, or a folder or a list of models (its common/arg.cpp).
NAMES_OF_MODELS = (
    *("LLAMA_ARG_MODEL", "LLAMA_ARG_MODEL_URL", "LLAMA_ARG_HF_REPO", "LLAMA_ARG_DOCKER_REPO"),
    *("LLAMA_ARG_MODELS_DIR", "LLAMA_ARG_MODELS_PRESET"),
)
PORTS = {"STRATA_BACKEND_PORT": "8000", "STRATA_COMFYUI_PORT": "8188", "LLAMA_ARG_PORT": "8080"}
# Kubernetes names a Service's address so in every container that starts after it: a Service `strata-comfyui` sets
# STRATA_COMFYUI_PORT.
OF_A_SERVICE = re.compile(r"(?:STRATA_\w+|LLAMA_ARG)_PORT")
ADDRESS = re.compile(r"(?:tcp|udp|sctp)://")


@dataclass(frozen=True)
class Installed:
    """What is in the image."""

    llama: bool
    comfyui: bool
    worker: bool

    @classmethod
    def here(cls) -> Installed:
        """In this one."""
        return cls(
            Path(LLAMA_SERVER).exists(),
            Path("/opt/comfyui/main.py").exists(),
            Path("/opt/strata/worker/start").exists(),
        )


@dataclass
class Decision:
    """Variables to set and to take away, what people should know, and what cannot work."""

    variables: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def decide(given: Mapping[str, str], installed: Installed) -> Decision:
    """Everything of this module."""
    decision = Decision()
    decision.removed = sorted(
        name for name, value in given.items() if OF_A_SERVICE.fullmatch(name) and ADDRESS.match(value)
    )
    for name in decision.removed:
        decision.messages.append(f"{name}={given[name]} is Kubernetes' address of a Service and no setting: ignored.")
    settings = {name: value for name, value in given.items() if name not in decision.removed}
    comfyui = switch(decision, settings, "STRATA_COMFYUI", installed.comfyui, installed.comfyui)
    decide_llama(decision, settings, installed)
    decide_mode(decision, settings, installed, comfyui)
    for name, port in PORTS.items():
        decision.variables[name] = settings.get(name) or port
    # Each asks for its own alone: an image without ComfyUI has no business with ComfyUI's.
    asked = ["STRATA_BACKEND_PORT", *(["LLAMA_ARG_PORT"] if decision.variables["STRATA_LLAMA"] == "on" else [])]
    for name in asked:
        if problem := port_problem(decision.variables[name], name, PORTS[name]):
            decision.problems.append(problem)
    decision.messages += what_is_not_here(settings, decision.variables["STRATA_MODE"])
    return decision


def switch(decision: Decision, settings: Mapping[str, str], name: str, installed: bool, default: bool) -> bool:
    """A setting that is on or off, and the same in supervisord's words."""
    text = settings.get(name) or ""
    if text not in ("on", "off", ""):
        decision.problems.append(Problem(name, f'expected on or off, got "{text}".', "Leave it out."))
    if text == "on" and not installed:
        what = {"STRATA_LLAMA": "llama-server", "STRATA_COMFYUI": "ComfyUI"}[name]
        decision.problems.append(Problem(name, f"this image has no {what}.", "Leave it out."))
    is_on = text == "on" or (text == "" and default)
    decision.variables[name] = "on" if is_on else "off"
    decision.variables[f"{name}_AUTOSTART"] = "true" if is_on else "false"
    return is_on


def decide_llama(decision: Decision, settings: Mapping[str, str], installed: Installed) -> None:
    """llama-server: without a model it counts, on the CPU; beside ComfyUI it does that only where it is asked to."""
    named = any(settings.get(name) for name in NAMES_OF_MODELS)
    is_on = switch(
        decision, settings, "STRATA_LLAMA", installed.llama, installed.llama and (named or not installed.comfyui)
    )
    decision.variables["LLAMA_ARG_HOST"] = settings.get("LLAMA_ARG_HOST") or "0.0.0.0"
    if not named:
        decision.variables["LLAMA_ARG_MODEL"] = COUNTING_MODEL
    decision.variables["STRATA_LLAMA_COMMAND"] = llama_command(settings, sees_gpus=named)
    if is_on and not named and settings.get("LLAMA_ARG_HF_FILE"):
        decision.problems.append(Problem("LLAMA_ARG_HF_FILE", "says nothing by itself.", "Set LLAMA_ARG_HF_REPO, too."))
    elif is_on and not named:
        decision.messages.append("llama-server has no model (LLAMA_ARG_MODEL): it serves one that counts, on the CPU.")
    elif installed.llama and not is_on and not named and not settings.get("STRATA_LLAMA"):
        decision.messages.append(
            "llama-server is not started, as no model is named (LLAMA_ARG_MODEL; STRATA_LLAMA=on starts one that counts)."
        )


def llama_command(settings: Mapping[str, str], sees_gpus: bool) -> str:
    """llama-server, for supervisord, in an environment without the secrets of others: nodes can read its variables.

    llama.cpp's CUDA part asks every GPU for its memory, which makes a context on each, whatever --n-gpu-layers says. With
    none to be seen there is nothing to ask.
    """
    others = sorted(
        name
        for name in settings
        if is_secret(name) and re.fullmatch(r"\w+", name, re.ASCII) and name != "HF_TOKEN" and name[:6] != "LLAMA_"
    )
    changes = [*(f"--unset={name}" for name in others), *([] if sees_gpus else ["CUDA_VISIBLE_DEVICES="])]
    return " ".join(["/usr/bin/env", *changes, LLAMA_SERVER] if changes else [LLAMA_SERVER])


def decide_mode(decision: Decision, settings: Mapping[str, str], installed: Installed, comfyui: bool) -> None:
    """Whether ComfyUI computes RunPod's jobs. Where nothing is said, a serverless endpoint of RunPod decides it."""
    mode = settings.get("STRATA_MODE") or ""
    if mode == "":
        mode = "worker" if installed.worker and settings.get("RUNPOD_WEBHOOK_GET_JOB") else "pod"
    elif mode not in ("worker", "pod"):
        decision.problems.append(Problem("STRATA_MODE", f'expected worker or pod, got "{mode}".', "Leave it out."))
    elif mode == "worker" and not installed.worker:
        decision.problems.append(Problem("STRATA_MODE", "this image has no worker for RunPod.", "Leave it out."))
    if mode == "worker" and installed.worker and not comfyui:
        remedy = "Set STRATA_MODE to pod."
        decision.problems.append(
            Problem("STRATA_MODE", "the worker has nothing to do where STRATA_COMFYUI is off.", remedy)
        )
    decision.variables["STRATA_MODE"] = mode
    decision.variables["STRATA_WORKER_AUTOSTART"] = "true" if mode == "worker" else "false"


def what_is_not_here(settings: Mapping[str, str], mode: str) -> Iterator[str]:
    """What hosts ask of an image by variables of their own: RunPod's PUBLIC_KEY, vast.ai's SSH_PUBLIC_KEY."""
    if mode == "worker":
        return
    for name in ("PUBLIC_KEY", "SSH_PUBLIC_KEY"):
        if settings.get(name):
            yield (
                f"{name} is set, but there is no SSH server here, so no scp and sftp: use the host's own terminal"
                " (RunPod's web terminal or its ssh.runpod.io) and runpodctl for files."
            )
    for name in ("JUPYTER_PASSWORD", "JUPYTER_TOKEN"):
        if settings.get(name):
            yield f"{name} is set, but there is no Jupyter here."
