"""Runs a module so that other processes of the same user cannot read its variables: `python private.py MODULE ARGUMENT…`.

Nodes of ComfyUI are programs of strangers, under the user who runs the services. ComfyUI is started without what is secret
(preparation/secret_names.py); this keeps /proc/PID/environ, and the memory, of those that need it to themselves.
"""

from __future__ import annotations

import ctypes
import runpy
import sys

# linux/prctl.h
SET_DUMPABLE = 4


def hide_process() -> None:
    """For this process. A program that it starts can be read again: the kernel grants it anew."""
    ctypes.CDLL(None).prctl(SET_DUMPABLE, 0, 0, 0, 0)


def main() -> None:
    """Becomes the module, as `python -m` does."""
    hide_process()
    del sys.argv[0]
    # The folder of this file; with -m the current one stands there.
    sys.path[0] = ""
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
