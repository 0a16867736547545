"""A steady load over HTTP/1.1 that counts every failed request: run as a program, it needs Python alone.

    python load.py 127.0.0.1:80 shop.test --requests 20000 --connections 32

A quarter of the connections each: GET kept alive, POST kept alive, GET on a fresh connection each, POST likewise. A
request has failed when there is no answer, when it is not 200, or when a POST's body does not come back as it was
sent. The load goes on until there were so many requests and standard input has ended; then one JSON object is printed.
A line `running` is printed once every connection has had an answer.

With --post PATH every POST goes there, with the text of --body, the lines of --header and an answer of --status that
need not give the body back.

A server may close a kept connection whenever it is idle (RFC 9112, 9.5), so a request on a used connection that is
closed before the first byte of an answer is sent once more on a fresh one, as browsers do, and counted as resent. No
client may do so with a POST by itself (RFC 9110, 9.2.2): those are counted once more as resent_posts. A connection that
is seen to be closed before anything is sent on it is not used again, and nothing is resent.

With --tls it speaks TLS and takes every certificate; a certificate's SHA-256 is counted for each fresh connection.

With --pause SECONDS each connection waits so long after each answer, so that others have the machine.

With --maintenance a request may be answered by 503 with Retry-After if it began before standard input ended; those are
counted as held, and not among the requests. With --numbered each request has a query of its own, ?n=NUMBER, and the
numbers that got an answer of 200 or --status are listed as numbers.
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

    def __init__(self, given):
        host, _, port = given.address.rpartition(":")
        self.address = (host, int(port))
        self.name = given.host
        self.wanted = given.requests
        self.connections = given.connections
        self.may_hold = given.maintenance
        self.pause = given.pause
        self.tls = _any_certificate() if given.tls else None
        self.certificates = Counter()
        self.post = given.post
        self.body = given.body.encode()
        self.headers = "".join(f"{line}\r\n" for line in given.header)
        self.status = given.status
        self.numbers = [] if given.numbered else None
        self.started = 0
        self.held = 0
        self.done = 0
        self.resent = 0
        self.resent_posts = 0
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
        is_post, is_kept = number % 2 == 1, number % 4 < 2
        stream = None
        while not self.is_over:
            self.started += 1
            body = self._body(number) if is_post else b""
            request = self._request(body, self.started, is_post=is_post, is_kept=is_kept)
            started, may_hold = time.monotonic(), self.may_hold and not self.input_ended
            query = self.started
            try:
                async with asyncio.timeout(PATIENCE):
                    stream, status, answer, retry_after = await self._ask(
                        stream, request, is_post=is_post, is_kept=is_kept
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
                if status != (self.status if is_post else 200):
                    self.failed[f"status {status}"] += 1
                elif is_post and answer != body and not self.post:
                    self.failed["another body"] += 1
                elif not is_post:
                    self.bodies[answer.decode(errors="replace")[:40]] += 1
                if self.numbers is not None and status in (200, self.status):
                    self.numbers.append(query)
            self.done += 1
            self._note_answer(number)
            self.slowest = max(self.slowest, time.monotonic() - started)
            await asyncio.sleep(self.pause)
        if stream is not None:
            stream[1].close()

    def _body(self, number):
        """Of a POST: the one that is given, or one that shows whether the answer is its own."""
        return self.body if self.post else f"{number}-{self.done}-".encode() * (1 + self.done % 20)

    def _request(self, body, query, *, is_post, is_kept):
        path = self.post if is_post and self.post else "/"
        path += f"?n={query}" if self.numbers is not None else ""
        head = f"{'POST' if is_post else 'GET'} {path} HTTP/1.1\r\nHost: {self.name}\r\n"
        head += f"{self.headers}Content-Length: {len(body)}\r\n" if is_post else ""
        head += "\r\n" if is_kept else "Connection: close\r\n\r\n"
        return head.encode() + body

    async def _ask(self, stream, request, *, is_post, is_kept):
        """One request; returns the stream if it is kept, the status, the body, and whether there is a Retry-After."""
        if stream is not None and stream[0].at_eof():
            stream[1].close()
            stream = None
        is_used = stream is not None
        stream = stream or await self._connect()
        reader, writer = stream
        try:
            writer.write(request)
            first = await reader.read(1)
        except ConnectionError:
            first = b""
        if not first:
            writer.close()
            if not is_used:
                raise EOFError
            self.resent += 1
            self.resent_posts += is_post
            return await self._ask(None, request, is_post=is_post, is_kept=is_kept)
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status = int(lines[0].split()[1])
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        retry_after = "retry-after" in headers
        answer = await reader.readexactly(int(headers["content-length"])) if "content-length" in headers else b""
        has_end = "content-length" in headers or status == 204
        if is_kept and headers.get("connection") != "close" and has_end:
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
    parser.add_argument("--post", default="")
    parser.add_argument("--body", default="")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--numbered", action="store_true")
    parser.add_argument("--pause", type=float, default=0)
    load = Load(parser.parse_args())
    started = time.monotonic()
    asyncio.run(load.run())
    result = {
        "requests": load.done,
        "failed": dict(load.failed),
        "resent": load.resent,
        "resent_posts": load.resent_posts,
        "held": load.held,
        "slowest": round(load.slowest, 3),
        "seconds": round(time.monotonic() - started, 1),
        "bodies": dict(load.bodies),
        "certificates": dict(load.certificates),
        "numbers": load.numbers,
    }
    print(json.dumps(result))  # noqa: T201  the result of this program
    return 1 if load.failed else 0


if __name__ == "__main__":
    sys.exit(main())
