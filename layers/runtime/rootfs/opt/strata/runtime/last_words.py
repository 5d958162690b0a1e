"""What ComfyUI printed before it ended, and how it ended: RunPod's worker tells it whoever waits for the job.

supervisord passes on what its services print and keeps nothing. Here the end of it stays in memory, and each time that
the service ends it is written to a file: `{"pid", "how", "asked", "log"}`. `asked` says that somebody stopped it.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from supervisor import events, process
from supervisor.options import decode_wait_status

FILE = "comfyui-ended.json"
KEPT = 16 * 1024


class LastWords:
    """Listens to one service inside of supervisord, where nothing that it prints can get lost."""

    def __init__(self, service: str, file: Path) -> None:
        self._service = service
        self._file = file
        self._printed = b""

    def hear(self, event: Any) -> None:
        """An event of supervisord: something was printed."""
        if event.process.config.name == self._service:
            self._printed = (self._printed + event.data)[-KEPT:]

    def note_end(self, service: str, pid: int, status: int, asked: bool) -> None:
        """Writes the file; `status` is what `wait` says. A full disk is no reason to end supervisord."""
        if service != self._service:
            return
        text = self._printed.decode("utf-8", errors="replace")
        self._printed = b""
        content = {"pid": pid, "how": decode_wait_status(status)[1], "asked": asked, "log": text}
        with suppress(OSError):
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(content), encoding="utf-8")
            draft.replace(self._file)

    def listen(self) -> None:
        """Begins. supervisord forgets all listeners when it starts, so this comes after."""
        events.subscribe(events.ProcessLogStdoutEvent, self.hear)

    def watch_ends(self) -> None:
        """Has supervisord tell each end: its own events do not say which signal ended a process."""
        words, finish = self, process.Subprocess.finish

        def finish_and_note(self: Any, pid: int, status: int) -> Any:
            asked = bool(self.killing)
            result = finish(self, pid, status)
            words.note_end(self.config.name, pid, status, asked)
            return result

        process.Subprocess.finish = finish_and_note
