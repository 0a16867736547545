"""The rendered text made ready for `nginx -t` on any machine: the same directives, with that machine's own paths."""

from __future__ import annotations

import re

_LISTEN = re.compile(r"listen (\[::\]:|)([0-9]+)(.*)")
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
"""The kinds of nginx's temporary files: it makes a folder for each, used or not."""
_FIRST_FREE_PORT = 1024
_SHIFT = 20_000


def rehearsed(text: str, folder: str) -> str:
    """The text with what only the server has moved below a folder, or left out; every other line stands as it is.

    `nginx -t` opens logs and certificates and binds ports. So certificates become `folder/certificate.pem` and
    `folder/key.pem`, logs and temporary files lie in the folder, ports are on loopback and above 1023, and no user is
    set. Rendered files have one directive on a line, which is all this relies on.
    """
    lines = [_moved(line, folder) for line in text.split("\n")]
    if "http {" in lines and "_temp_path " not in text:
        start = lines.index("http {") + 1
        lines[start:start] = [f"    {kind}_temp_path {folder}/{kind};" for kind in TEMPORARY]
    return "\n".join(lines)


def _moved(line: str, folder: str) -> str:
    stripped = line.strip()
    name, _, rest = stripped.partition(" ")
    margin = line[: len(line) - len(line.lstrip())]
    if name == "user":
        return ""
    if name == "listen" and (found := _LISTEN.fullmatch(stripped)):
        return f"{margin}listen {_address(found[1], int(found[2]), found[3], folder)}{found[3]}"
    if name == "access_log" and rest != "off;" and (found := re.fullmatch(r"(?:\".*\"|\S+)( \w+)?;", rest)):
        return f"{margin}access_log {folder}/access.log{found[1] or ''};"
    own = {
        "pid": f"{folder}/nginx.pid",
        "error_log": "stderr",
        "ssl_certificate": f"{folder}/certificate.pem",
        "ssl_certificate_key": f"{folder}/key.pem",
    }.get(name) or (f"{folder}/{name}" if name.endswith("_temp_path") else "")
    return f"{margin}{name} {own};" if own else line


def _address(host: str, port: int, rest: str, folder: str) -> str:
    """One that any user of any machine may take: a socket stands for IPv6, which not every machine has."""
    if host and not rest.startswith(" quic"):
        return f"unix:{folder}/{port}.sock"
    port += _SHIFT if port < _FIRST_FREE_PORT else 0
    return f"127.0.0.2:{port}" if host else f"127.0.0.1:{port}"
