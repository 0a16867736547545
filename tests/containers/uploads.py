"""A request whose sender is slow: begun when the server says so, and ended when the test does."""

from __future__ import annotations

import socket


def begin(port: int, path: str) -> socket.socket:
    """A POST whose head the server has read: it has answered «100 Continue» (RFC 9110, section 10.1.1)."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    head = ("Host: localhost", "Content-Type: application/json", "Content-Length: 2000", "Expect: 100-continue")
    connection.sendall("\r\n".join((f"POST {path} HTTP/1.1", *head, "Connection: close", "", "")).encode())
    answer = _read(connection)
    assert answer.startswith(b"HTTP/1.1 100 "), answer
    connection.sendall(b" " * 1000)
    return connection


def end(connection: socket.socket) -> int:
    """Sends what is missing; the status of the answer, or 0 where there is none."""
    with connection:
        connection.sendall(b" " * 1000)
        answer = _read(connection)
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def _read(connection: socket.socket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = connection.recv(4096)
        if not part:
            break
        answer += part
    return answer
