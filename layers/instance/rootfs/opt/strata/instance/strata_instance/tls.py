"""The certificate of an instance: vast.ai signs one where it runs the container, else nobody does.

A browser trusts vast.ai's only where its root certificate was installed, but with one that nobody signed it warns each time
anew. What nobody signed is marked, and the next start asks again. Nothing here waits for long: the boot goes on without.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from .fetching import opener
from .words import is_true, print_exports, say

SIGNING = "https://console.vast.ai/api/v0/sign_cert/"
TRIES = 3
PATIENCE = 5.0
# For all tries: a name server that is silent holds each of them for longer than it should take.
LONGEST = 12.0
DAYS = "825"
MOST_BYTES = 1 << 16
SETTINGS = """\
[req]
distinguished_name = subject
req_extensions = extensions
x509_extensions = extensions
prompt = no
[subject]
CN = jupyter.vast.ai
[extensions]
subjectAltName = IP:0.0.0.0{names}
"""


class Pair:
    """The files, below a folder."""

    def __init__(self, folder: Path = Path("/etc")) -> None:
        self.key = folder / "instance.key"
        self.request = folder / "instance.csr"
        self.certificate = folder / "instance.crt"
        self.settings = folder / "openssl-san.cnf"
        self.unsigned = folder / ".instance-cert-selfsigned"

    def state(self) -> str:
        """`usable`, `expired` (it belongs to the key still), `unsigned` (usable, but nobody signed it), or `none`."""
        if not self.key.is_file() or not belongs(self.certificate, self.key):
            return "none"
        if run("x509", "-checkend", "0", "-noout", "-in", str(self.certificate)) is None:
            return "expired"
        return "unsigned" if self.unsigned.exists() else "usable"


def run(*arguments: str) -> str | None:
    """What openssl prints; None where it fails."""
    try:
        done = subprocess.run(
            ["openssl", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def belongs(certificate: Path, key: Path) -> bool:
    """Whether it is a certificate, and one for this key."""
    if not certificate.is_file():
        return False
    of_certificate = run("x509", "-pubkey", "-noout", "-in", str(certificate))
    return of_certificate is not None and of_certificate == run("pkey", "-pubout", "-in", str(key))


def make_request(pair: Pair, address: str) -> bool:
    """A key, where there is none, and what is sent to who signs."""
    name = ""
    with suppress(ValueError):
        name = f",IP:{ipaddress.ip_address(address)}"
    pair.settings.write_text(SETTINGS.format(names=name), encoding="utf-8")
    if not pair.key.is_file() or run("pkey", "-noout", "-in", str(pair.key)) is None:
        # openssl writes it for its owner alone.
        made = run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(pair.key))
        if made is None:
            return False
    arguments = ("req", "-new", "-key", str(pair.key), "-config", str(pair.settings), "-out", str(pair.request))
    return run(*arguments) is not None


def sign_alone(pair: Pair) -> bool:
    """A certificate that nobody signed but its own key."""
    with tempfile.NamedTemporaryFile(dir=pair.certificate.parent) as draft:
        arguments = ("req", "-x509", "-new", "-key", str(pair.key), "-config", str(pair.settings), "-days", DAYS)
        if run(*arguments, "-out", draft.name) is None:
            return False
        install(pair, Path(draft.name).read_bytes())
    pair.unsigned.touch()
    return True


def install(pair: Pair, certificate: bytes) -> None:
    """Whole or not at all."""
    draft = pair.certificate.with_suffix(".new")
    draft.write_bytes(certificate)
    draft.chmod(0o644)
    draft.replace(pair.certificate)


def ask(request: bytes, instance: str) -> bytes:
    """What vast.ai answers; raises OSError."""
    query = urllib.parse.urlencode({"instance_id": instance})
    headers = {"Content-Type": "application/octet-stream"}
    sent = urllib.request.Request(f"{SIGNING}?{query}", data=request, headers=headers, method="POST")
    with opener().open(sent, timeout=PATIENCE) as response:
        answer: bytes = response.read(MOST_BYTES)
    return answer


def have_signed(pair: Pair, instance: str, asker: Callable[[bytes, str], bytes] = ask) -> bool:
    """Whether vast.ai's certificate is in place. An answer that is none, or for another key, changes nothing."""
    end = time.monotonic() + LONGEST
    for _ in range(TRIES):
        answer = within(end - time.monotonic(), lambda: asker(pair.request.read_bytes(), instance))
        if answer is None:
            continue
        with tempfile.NamedTemporaryFile() as file:
            file.write(answer)
            file.flush()
            if belongs(Path(file.name), pair.key):
                install(pair, answer)
                pair.unsigned.unlink(missing_ok=True)
                return True
    return False


def within(seconds: float, asking: Callable[[], bytes]) -> bytes | None:
    """What it returns, if it does so in time and without an error."""
    answers: list[bytes] = []

    def ask_and_keep() -> None:
        with suppress(OSError, ValueError, http.client.HTTPException):
            answers.append(asking())

    if seconds <= 0:
        return None
    asker = threading.Thread(target=ask_and_keep, daemon=True)
    asker.start()
    asker.join(seconds)
    return answers[0] if answers else None


def prepare(
    variables: Mapping[str, str], pair: Pair, asker: Callable[[bytes, str], bytes] = ask
) -> tuple[bool, list[str]]:
    """Whether HTTPS can be had, and what people should know."""
    before = pair.state()
    instance = variables.get("CONTAINER_ID", "")
    if before == "usable" or (before == "unsigned" and not instance):
        return True, []
    if not make_request(pair, variables.get("PUBLIC_IPADDR", "")):
        return before != "none", ["No key for TLS can be made (openssl)."]
    if instance and have_signed(pair, instance, asker):
        return True, []
    messages = ["vast.ai did not sign a certificate; the next start asks again."] if instance else []
    # One that expired and was nobody's is made anew.
    if before == "unsigned" or (before == "expired" and not pair.unsigned.exists()):
        return True, [
            *messages,
            *(["The TLS certificate has expired, and is used still."] if before == "expired" else []),
        ]
    if sign_alone(pair):
        return True, [*messages, "The TLS certificate is signed by nobody, so browsers warn of it."]
    return False, [*messages, "There is no TLS certificate, so everything is plain HTTP (ENABLE_HTTPS is off)."]


def main(_: list[str]) -> int:
    """For boot 55: only where HTTPS is wanted."""
    if not is_true(os.environ, "ENABLE_HTTPS"):
        return 0
    usable, messages = prepare(os.environ, Pair())
    for message in messages:
        say(message)
    if not usable:
        print_exports({"ENABLE_HTTPS": "false"})
    return 0
