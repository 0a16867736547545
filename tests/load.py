"""A steady load over HTTP/1.1 that counts every failed request: run as a program, it needs Python alone.

    python load.py 127.0.0.1:80 shop.test --requests 20000 --connections 32

A quarter of the connections each: GET kept alive, POST kept alive, GET on a fresh connection each, POST likewise. A
request has failed when there is no answer, when it is not 200, or when a POST's body does not come back as it was
sent. The load goes on until there were so many requests and standard input has ended; then one JSON object is printed.
A line `running` is printed once every connection has had an answer.

A server may close a kept connection whenever it is idle (RFC 9112, 9.5), so a request on a used connection that is
closed before the first byte of an answer is sent once more on a fresh one, as browsers do, and counted as resent.

With --tls it speaks TLS and takes every certificate; a certificate's SHA-256 is counted for each fresh connection. With
--reads every request is a GET.

With --maintenance a request may be answered by 503 with Retry-After if it began before standard input ended; those are
counted as held, and not among the requests.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import ssl
import sys
import time
from collections import Counter

PATIENCE = 60


class Load:
    """What is asked, and what came of it."""

    def __init__(self, host, port, name, requests, connections, *, maintenance=False, tls=False, reads=False):
        self.address = (host, port)
        self.name = name
        self.wanted = requests
        self.connections = connections
        self.may_hold = maintenance
        self.tls = _any_certificate() if tls else None
        self.certificates = Counter()
        self.reads = reads
        self.held = 0
        self.done = 0
        self.resent = 0
        self.failed = Counter()
        self.slowest = 0.0
        self.bodies = Counter()
        self.input_ended = False
        self.answered = set()
        self.all_answered = asyncio.Event()

    @property
    def is_over(self):
        """Whether there were enough requests, and what was to happen meanwhile has happened."""
        return self.input_ended and self.done >= self.wanted

    async def connection(self, number):
        """Asks again and again on one connection, or on a fresh one each time."""
        is_post, is_kept = number % 2 == 1 and not self.reads, number % 4 < 2
        stream = None
        while not self.is_over:
            body = f"{number}-{self.done}-".encode() * (1 + self.done % 20) if is_post else b""
            started, may_hold = time.monotonic(), self.may_hold and not self.input_ended
            try:
                async with asyncio.timeout(PATIENCE):
                    stream, status, answer, retry_after = await self._ask(
                        stream, body, is_post=is_post, is_kept=is_kept
                    )
            except (OSError, EOFError, TimeoutError, ValueError) as error:
                self.failed[type(error).__name__] += 1
                stream = None
                await asyncio.sleep(0.01)
            else:
                if status == 503 and retry_after and may_hold:
                    self.held += 1
                    self._note_answer(number)
                    continue
                if status != 200:
                    self.failed[f"status {status}"] += 1
                elif is_post and answer != body:
                    self.failed["another body"] += 1
                elif not is_post:
                    self.bodies[answer.decode(errors="replace")[:40]] += 1
            self.done += 1
            self._note_answer(number)
            self.slowest = max(self.slowest, time.monotonic() - started)
        if stream is not None:
            stream[1].close()

    async def _ask(self, stream, body, *, is_post, is_kept):
        """One request; returns the stream if it is kept, the status, the body, and whether there is a Retry-After."""
        is_used = stream is not None
        stream = stream or await self._connect()
        head = f"{'POST' if is_post else 'GET'} / HTTP/1.1\r\nHost: {self.name}\r\n"
        head += f"Content-Length: {len(body)}\r\n" if is_post else ""
        head += "\r\n" if is_kept else "Connection: close\r\n\r\n"
        reader, writer = stream
        try:
            writer.write(head.encode() + body)
            first = await reader.read(1)
        except ConnectionError:
            first = b""
        if not first:
            writer.close()
            if not is_used:
                raise EOFError
            self.resent += 1
            return await self._ask(None, body, is_post=is_post, is_kept=is_kept)
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status = int(lines[0].split()[1])
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        retry_after = "retry-after" in headers
        answer = await reader.readexactly(int(headers["content-length"])) if "content-length" in headers else b""
        if is_kept and headers.get("connection") != "close" and "content-length" in headers:
            return stream, status, answer, retry_after
        writer.close()
        return None, status, answer, retry_after

    async def _connect(self):
        """A fresh connection."""
        if not self.tls:
            return await asyncio.open_connection(*self.address)
        reader, writer = await asyncio.open_connection(*self.address, ssl=self.tls, server_hostname=self.name)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.certificates[hashlib.sha256(certificate).hexdigest()] += 1
        return reader, writer

    def _note_answer(self, number):
        self.answered.add(number)
        if len(self.answered) == self.connections:
            self.all_answered.set()

    async def run(self):
        """The whole load."""
        loop = asyncio.get_running_loop()
        asked = [asyncio.create_task(self.connection(number)) for number in range(self.connections)]
        await self.all_answered.wait()
        print("running", flush=True)  # noqa: T201  what whoever started this program waits for
        await loop.run_in_executor(None, sys.stdin.read)
        self.input_ended = True
        await asyncio.gather(*asked)


def _any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def main():
    """Runs the load that the arguments describe; exit status 1 when a request failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("host")
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--maintenance", action="store_true")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--reads", action="store_true")
    given = parser.parse_args()
    host, _, port = given.address.rpartition(":")
    options = {"maintenance": given.maintenance, "tls": given.tls, "reads": given.reads}
    load = Load(host, int(port), given.host, given.requests, given.connections, **options)
    started = time.monotonic()
    asyncio.run(load.run())
    result = {
        "requests": load.done,
        "failed": dict(load.failed),
        "resent": load.resent,
        "held": load.held,
        "slowest": round(load.slowest, 3),
        "seconds": round(time.monotonic() - started, 1),
        "bodies": dict(load.bodies),
        "certificates": dict(load.certificates),
    }
    print(json.dumps(result))  # noqa: T201  the result of this program
    return 1 if load.failed else 0


if __name__ == "__main__":
    sys.exit(main())
