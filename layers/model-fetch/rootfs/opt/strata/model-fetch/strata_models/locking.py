"""One writer for each file, also among containers that share a volume."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PAUSE = 0.2
# What file systems answer that know no locks.
UNKNOWN = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


@contextmanager
def locked(file: Path, waiting: Callable[[], None]) -> Iterator[int | None]:
    """
    Holds the lock and gives its descriptor; while another process has it, `waiting` is called again and again. Gives
    None where the file system knows no locks: then writers have to keep to files of their own.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(PAUSE)
            except OSError as error:
                if error.errno not in UNKNOWN:
                    raise
                yield None
                return
        yield descriptor
    finally:
        os.close(descriptor)
