"""Usage: threads.py [SECONDS]. How many requests a second a FastAPI service answers whose work is Python's own, asked by one,
two and four clients at a time: whether a Python without the GIL helps the back end.

In an image: docker run --rm -i REFERENCE python - < tests/bench/threads.py
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI

CLIENTS = (1, 2, 4)
# A client of its own process: threads of the server's would share its GIL.
CLIENT = """
import sys, time, http.client
port, seconds = int(sys.argv[1]), float(sys.argv[2])
connection, count, end = http.client.HTTPConnection("127.0.0.1", port), 0, time.monotonic() + seconds
while time.monotonic() < end:
    connection.request("GET", "/")
    assert connection.getresponse().read()
    count += 1
print(count)
"""

app = FastAPI()


@app.get("/")
def work() -> dict[str, int]:
    """Some milliseconds of Python; FastAPI calls it in a thread of its pool."""
    rows = [{"id": number, "words": str(number) * 3} for number in range(3000)]
    return {"total": sum(row["id"] + len(row["words"]) for row in json.loads(json.dumps(rows)))}


def measure(seconds: float) -> dict[int, float]:
    """Requests a second by the number of clients."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            return {clients: ask(listener.getsockname()[1], clients, seconds) for clients in CLIENTS}
        finally:
            server.should_exit = True
            thread.join()


def ask(port: int, clients: int, seconds: float) -> float:
    """Requests a second of that many clients side by side."""
    command = [sys.executable, "-c", CLIENT, str(port), str(seconds)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(clients)]
    counts = [int(client.communicate()[0]) for client in running]
    return round(sum(counts) / seconds, 1)


if __name__ == "__main__":
    requests = measure(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    facts = {"python": sys.version.split()[0], "gil": gil, "cores": len(os.sched_getaffinity(0))}
    print(json.dumps({**facts, "requestsPerSecond": requests}))
