"""Calls that wait for somebody else: nobody waits for them longer than a job may take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def in_thread(call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What the call returns or raises.

    It has a thread of its own, which whoever gives up waiting leaves behind: asyncio's own threads are few, and the end of
    the program waits for them.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if outcome.done():
            return
        if error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = call(*args, **kwargs)
        except BaseException as caught:  # noqa: BLE001 - it is raised where it is waited for
            error = caught
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await outcome
