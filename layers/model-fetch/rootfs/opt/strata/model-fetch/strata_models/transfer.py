"""Brings the bytes: aria2 over several connections, or one connection where aria2 must not or cannot do it."""

from __future__ import annotations

import errno
import http.client
import io
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .access import without_tokens
from .manifest import Model
from .problem import Later, not_written
from .source import Source, open_url

CHUNK = 1 << 20
# A connection for less than this is not worth its handshake.
SMALLEST_PIECE = "8M"
POLL = 0.25
# https://aria2.github.io/manual/en/html/aria2c.html#exit-status. It knows a full disk; a quota, a disk that is read-only and
# all else are one of the others.
NO_SPACE, NOT_WRITTEN = 9, {15, 16, 17, 18}
PROBE = 1 << 24
REASONS = {
    2: "a connection was silent for too long",
    3: "the server no longer has the file",
    6: "the connection was cut",
    19: "the host's name is not known",
    22: "the server's answer makes no sense",
    24: "the server wants a login",
    29: "the server has no time",
}

Watch = Callable[[int], None]


def control_file(partial: Path) -> Path:
    """Where aria2 notes which pieces are there; present while a file is not whole."""
    return partial.with_name(f"{partial.name}.aria2")


def arrived(partial: Path) -> int:
    """Bytes on the disk: a file of aria2 has holes."""
    try:
        status = partial.stat()
    except OSError:
        return 0
    return min(status.st_size, status.st_blocks * 512)


def is_whole(partial: Path, model: Model) -> bool:
    """Whether all bytes are there; which bytes they are is another question."""
    return partial.is_file() and partial.stat().st_size == model.size and not control_file(partial).exists()


def discard(partial: Path) -> None:
    """Forgets what arrived."""
    for path in (partial, control_file(partial)):
        path.unlink(missing_ok=True)


def transfer(model: Model, source: Source, partial: Path, connections: int, watch: Watch, hold: int | None) -> None:
    """
    Goes on with what is there; `watch` is told how many bytes have arrived. Raises Problem or Later.

    aria2 repeats the headers it was given to every host it is redirected to, so it never gets any: where the end of
    all redirects still wants a token, one connection is enough. `hold` is a file descriptor that aria2 keeps open,
    so that a lock lasts as long as somebody writes.
    """
    program = shutil.which("aria2c")
    if source.headers or program is None:
        stream(model, source, partial, watch)
    else:
        run_aria2(program, model, source, partial, connections, watch, hold)


def run_aria2(
    program: str, model: Model, source: Source, partial: Path, connections: int, watch: Watch, hold: int | None
) -> None:
    """The address may be signed, so it goes over stdin: arguments can be read by everybody on the machine."""
    certificates = os.environ.get("SSL_CERT_FILE")
    process = subprocess.Popen(
        [
            *(program, "--no-conf", "--no-netrc", "--quiet", "--input-file=-", f"--dir={partial.parent}"),
            *("--continue=true", "--always-resume=false", "--auto-file-renaming=false", "--file-allocation=none"),
            *(f"--split={connections}", f"--max-connection-per-server={connections}"),
            *(f"--min-split-size={SMALLEST_PIECE}", "--auto-save-interval=1", f"--stop-with-process={os.getpid()}"),
            # Other tries begin with a fresh look at the source: a signed address does not last.
            *("--max-tries=1", "--timeout=60", "--connect-timeout=30", "--user-agent=strata"),
            *("--follow-metalink=false", "--follow-torrent=false"),
            *([f"--ca-certificate={certificates}"] if certificates else []),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=without_tokens(),
        pass_fds=[] if hold is None else [hold],
    )
    try:
        assert process.stdin
        process.stdin.write(f"{source.url}\n  out={partial.name}\n".encode())
        process.stdin.close()
        while (status := process.poll()) is None:
            watch(arrived(partial))
            time.sleep(POLL)
    finally:
        if process.poll() is None:
            # It writes down which pieces it has.
            process.terminate()
            process.wait(10)
    if status == NO_SPACE:
        raise not_written(model.path, partial.parent, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if status in NOT_WRITTEN:
        raise not_written(model.path, partial.parent, why_not_written(partial.parent))
    if status != 0:
        raise Later(REASONS.get(status, f"aria2 ended with {status}"))


def why_not_written(folder: Path) -> OSError:
    """What the file system says to somebody else who writes there: aria2 does not pass it on."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            write(probe, bytes(PROBE))
    except OSError as error:
        return error
    return OSError(errno.EIO, "aria2 cannot write its file")


def write(file: io.RawIOBase, content: bytes) -> None:
    """All of it. Nothing is left for the file's end, where a full disk would look like the end of the connection."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


@contextmanager
def opened(model: Model, partial: Path, mode: str) -> Iterator[Callable[[bytes], int]]:
    """Gives a function that adds bytes to the file and returns how many there are. Both raise Problem or Later."""
    try:
        file = partial.open(mode, buffering=0)
    except OSError as error:
        raise not_written(model.path, partial.parent, error) from error

    def keep(content: bytes) -> int:
        try:
            write(file, content)
            return file.tell()
        except OSError as error:
            raise not_written(model.path, partial.parent, error) from error

    with file:
        yield keep


def stream(model: Model, source: Source, partial: Path, watch: Watch) -> None:
    """One connection, from where the file ends."""
    if control_file(partial).exists():
        # It has holes, and only aria2 knows where.
        discard(partial)
    start = partial.stat().st_size if partial.exists() else 0
    headers = {**source.headers, **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with open_url(source.url, headers) as answer:
            if answer.status not in (200, 206):
                # Also a redirect that was none before: a fresh look at the source decides where a token may go.
                raise Later(f"the server answers {answer.status}")
            with opened(model, partial, "ab" if answer.status == 206 else "wb") as keep:
                while chunk := answer.read(CHUNK):
                    watch(keep(chunk))
    except (OSError, http.client.HTTPException) as error:
        raise Later(f"the connection was cut: {error or type(error).__name__}") from error
    if partial.stat().st_size < model.size:
        raise Later("the connection was cut")
