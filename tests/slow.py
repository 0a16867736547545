"""Slow clients: connections that send a header, or a body, or read an answer byte by byte; it needs Python alone.

    python slow.py 127.0.0.1:80 shop.test --clients 200

A connection that the server closes is opened again. The line `running` is printed when all are open and have begun;
they go on until standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

PAUSE = 0.5
"""Seconds between two bytes."""


async def client(number, address, name, begun):
    """Sends or reads slowly, for ever."""
    head = f"POST / HTTP/1.1\r\nHost: {name}\r\nContent-Length: 100000\r\n"
    while True:
        with contextlib.suppress(OSError, EOFError):
            reader, writer = await asyncio.open_connection(*address, limit=1024)
            try:
                if number % 3 == 0:
                    writer.write(head.encode())
                    slowly = b"X-Slow: " + b"y" * 10_000
                elif number % 3 == 1:
                    writer.write(f"{head}\r\n".encode())
                    slowly = b"y" * 100_000
                else:
                    writer.write(f"{head}\r\n".encode() + b"y" * 100_000)
                    slowly = b""
                await writer.drain()
                begun.add(number)
                for byte in slowly:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
                while await reader.read(1):  # noqa: ASYNC110  it waits for bytes, and then pauses
                    await asyncio.sleep(PAUSE)
            finally:
                writer.close()
        await asyncio.sleep(PAUSE)


async def main():
    """Starts all clients, and ends with standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("host")
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    host, _, port = given.address.rpartition(":")
    begun: set[int] = set()
    clients = [
        asyncio.create_task(client(number, (host, int(port)), given.host, begun)) for number in range(given.clients)
    ]
    while len(begun) < given.clients:  # noqa: ASYNC110  a poll of one set says it more plainly than an event
        await asyncio.sleep(0.05)
    print("running", flush=True)  # noqa: T201  what whoever started this program waits for
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
