"""What the worker reads from its environment; nothing else in it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from strata_studio import settings as studio

from .redact import Redactor

# The file of the runtime's last_words.py.
LAST_WORDS = "comfyui-ended.json"
BUCKET = ("BUCKET_NAME", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY")
SECRETS = (
    *("BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY", "RUNPOD_AI_API_KEY", "RUNPOD_API_KEY"),
    *("HF_TOKEN", "CIVITAI_TOKEN", "STRATA_LOGIN_PASSWORD", "COMFY_ORG_API_KEY"),
)
DAY = 24 * 3600
# Signatures of version 4 are valid for no longer.
WEEK = 7 * DAY


class SettingsError(Exception):
    """One line for each setting that cannot work."""


@dataclass(frozen=True)
class Bucket:
    """Where results are stored. `url_seconds`: how long the addresses work that are returned."""

    name: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    endpoint: str | None = None
    region: str | None = None
    prefix: str = ""
    url_seconds: int = DAY


@dataclass(frozen=True)
class Settings:
    """Times in seconds. `inline_limit` in bytes; None: what RunPod takes of the kind of request."""

    comfyui: studio.Settings
    last_words: Path
    # ComfyUI's own temporary files.
    temporary: Path
    redactor: Redactor
    on_runpod: bool
    bucket: Bucket | None = None
    # For the nodes of Comfy.org, where a job brings none.
    comfy_key: str | None = field(default=None, repr=False)
    port: int = 8001
    job_timeout: float = 3600
    start_timeout: float = 300
    interrupt_timeout: float = 30
    progress_interval: float = 2
    crashes: int = 2
    inline_limit: int | None = None
    keep_files: bool = False


class Reader:
    """Reads numbers and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def number(self, name: str, default: float, least: float, most: float) -> float:
        """A number of `least` to `most`, or the default."""
        text = self._environment.get(name)
        if not text:
            return default
        with suppress(ValueError):
            if least <= float(text) <= most:
                return float(text)
        self.problems.append(f'{name}: expected a number of {least:.15g} to {most:.15g}, got "{text}"')
        return default

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """The same without a fraction."""
        value = self.number(name, default, least, most)
        if value != int(value):
            self.problems.append(f"{name}: expected a whole number, got {value}")
        return int(value)

    def choice(self, name: str) -> bool:
        """`on` or `off`, which is the default."""
        text = self._environment.get(name) or "off"
        if text not in ("on", "off"):
            self.problems.append(f'{name}: expected on or off, got "{text}"')
        return text == "on"

    def bucket(self) -> Bucket | None:
        """The settings of the storage, if there are any; their values are shown nowhere."""
        given = {name: value for name, value in self._environment.items() if name.startswith("BUCKET_") and value}
        seconds = self.whole("BUCKET_URL_SECONDS", DAY, 1, WEEK)
        if not given:
            return None
        missing = [name for name in BUCKET if name not in given]
        self.problems += [f"{name}: is missing beside {', '.join(sorted(given))}" for name in missing]
        endpoint = given.get("BUCKET_ENDPOINT_URL")
        if endpoint and not (urlsplit(endpoint).scheme in ("https", "http") and urlsplit(endpoint).hostname):
            self.problems.append("BUCKET_ENDPOINT_URL: expected an address that begins with https://")
        if missing:
            return None
        name, key_id, secret = (given[name] for name in BUCKET)
        prefix = given.get("BUCKET_PREFIX", "").strip("/")
        return Bucket(name, key_id, secret, endpoint, given.get("BUCKET_REGION"), prefix, seconds)


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError with all that is wrong; OSError, ValueError, KeyError where ComfyUI's start left no plan."""
    comfyui = studio.load_settings(environment)
    reader = Reader(environment)
    settings = Settings(
        comfyui=comfyui,
        last_words=Path(environment["STRATA_STATE"], LAST_WORDS),
        temporary=Path(environment["STRATA_STATE"], "temp"),
        redactor=Redactor(
            [*(environment.get(name) for name in SECRETS), comfyui.token, comfyui.login_token],
        ),
        on_runpod=bool(environment.get("RUNPOD_WEBHOOK_GET_JOB")),
        bucket=reader.bucket(),
        comfy_key=environment.get("COMFY_ORG_API_KEY") or None,
        port=reader.whole("STRATA_WORKER_PORT", 8001, 1, 65535),
        job_timeout=reader.number("STRATA_WORKER_TIMEOUT", 3600, 1, WEEK),
        start_timeout=reader.number("STRATA_WORKER_START_TIMEOUT", 300, 1, DAY),
        interrupt_timeout=reader.number("STRATA_WORKER_INTERRUPT_TIMEOUT", 30, 1, 3600),
        progress_interval=reader.number("STRATA_WORKER_PROGRESS_SECONDS", 2, 0, 3600),
        crashes=reader.whole("STRATA_WORKER_CRASHES", 2, 1, 100),
        inline_limit=reader.whole("STRATA_WORKER_INLINE_BYTES", 0, 1, 1 << 30) or None,
        keep_files=reader.choice("STRATA_WORKER_KEEP_FILES"),
    )
    if reader.problems:
        raise SettingsError("\n".join(reader.problems))
    return settings
