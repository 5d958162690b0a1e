"""Runs supervisord as the container's first process and gives its end a meaning.

supervisord exits with 0 however it came to an end. Here the exit status is 0 after SIGTERM or SIGINT, and 1 when the
crash guard has given up on a service: it leaves the reason in the file `crash-loop` of the state folder. The state
folder (`STRATA_STATE`, made by the entrypoint) is removed at the end. What ComfyUI said last is kept there meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from supervisor import poller, supervisord

import last_words
import private
from preparation import caches, environment

CONFIGURATION = Path(__file__).with_name("supervisord.conf")
# supervisord looks at signals and dead services once in each turn of its loop, and waits up to a second in between:
# a second lost at every start, restart and stop. Ten turns a second cost about a thousandth of a core.
LONGEST_WAIT = 0.1


class ImpatientPoller(poller.Poller):
    """supervisord's poller, which never waits longer than LONGEST_WAIT seconds."""

    def poll(self, timeout: float) -> Any:
        """The readable and the writable file descriptors."""
        return super().poll(min(timeout, LONGEST_WAIT))


class ListeningSupervisor(supervisord.Supervisor):
    """supervisord, which keeps what ComfyUI says."""

    words: last_words.LastWords

    def runforever(self) -> None:
        """Returns when all services have ended."""
        self.words.listen()
        super().runforever()


def prepare_environment(state: Path) -> None:
    """What the services need of a user whom the image does not know, and where nothing can be written beside it."""
    os.environ.update(environment.user_settings(os.environ, state / "home"))
    settings, without_place = caches.cache_settings(os.environ, [state / "kernels"])
    os.environ.update(settings)
    # ComfyUI's preparation has looked at the volume as well, and has told.
    if without_place and os.environ.get("STRATA_COMFYUI") != "on":
        print(f"strata: {without_place}", file=sys.stderr, flush=True)


def main() -> int:
    """Returns when supervisord has stopped all services."""
    private.hide_process()
    state = Path(os.environ["STRATA_STATE"])
    prepare_environment(state)
    poller.Poller = ImpatientPoller
    ListeningSupervisor.words = last_words.LastWords("comfyui", state / last_words.FILE)
    ListeningSupervisor.words.watch_ends()
    supervisord.Supervisor = ListeningSupervisor
    supervisord.main(["--nodaemon", "--configuration", str(CONFIGURATION)])
    gave_up = (state / "crash-loop").exists()
    shutil.rmtree(state, ignore_errors=True)
    return 1 if gave_up else 0


if __name__ == "__main__":
    sys.exit(main())
