"""Puts together what `/system` answers."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from .llama import LlamaClient
from .metadata import MetadataError, read_metadata
from .models import Llama, Probe, System
from .settings import Settings

PACKAGE_FOLDER = Path(__file__).parent


class ProbeError(Exception):
    """The look at torch failed; the message is the last line it wrote."""


class TorchProbe:
    """Runs the probe on the first question and remembers what it found; a failure is tried again next time."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._found: Probe | None = None

    async def find(self) -> Probe:
        """The finding; raises ProbeError."""
        async with self._lock:
            if self._found is None:
                self._found = Probe.model_validate_json(await run_probe(self._timeout))
            return self._found


async def run_probe(timeout: float) -> bytes:
    """The last line that the probe wrote to stdout (extensions may print above it); raises ProbeError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.probe",
        cwd=PACKAGE_FOLDER.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), timeout)
    except TimeoutError as error:
        raise ProbeError(f"no answer within {timeout:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not output.strip():
        lines = errors.decode(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"]
        raise ProbeError(lines[-1])
    return output.strip().splitlines()[-1]


async def describe_system(settings: Settings, llama: LlamaClient, torch: TorchProbe) -> System:
    """Everything that is known; what is not becomes an entry of `problems`."""
    problems: list[str] = []
    image = None
    try:
        image = read_metadata(settings.image_metadata)
    except MetadataError as error:
        problems.append(str(error))

    found = None
    server = llama.describe() if settings.llama_enabled else disabled_llama()
    server_task = asyncio.ensure_future(server)
    try:
        found = await torch.find()
    except (ProbeError, ValueError) as error:
        problems.append(f"torch: {error}")

    return System(
        image=image,
        torch=found.torch if found else None,
        gpus=found.gpus if found else [],
        driver=found.driver if found else None,
        attention=found.attention if found else [],
        llama=await server_task,
        problems=problems,
    )


async def disabled_llama() -> Llama:
    """The answer when the container runs without llama-server."""
    return Llama(enabled=False, ready=False, reason="switched off")
