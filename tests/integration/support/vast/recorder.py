"""A service that is nobody's: it answers every request, and writes down each one that reaches it.

    python3 recorder.py PORT FILE

Bytes are kept as they come, a line of JSON for each piece, so that a request hidden in another one is seen too.
"""

import asyncio
import json
import sys
from pathlib import Path

BODY = b"RECORDED"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


async def main(port: int, file: Path) -> None:
    """Listens until it is killed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            with file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(piece.decode("latin-1")) + "\n")
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    file.touch()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
