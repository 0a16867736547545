"""What a version of nginx, OpenSSL or gunicorn knows: one table, with the source of every line.

An unknown version knows nothing of what came late: the conservative form is rendered.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

PATTERN = r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}"
"""What a version looks like."""

Program = Literal["nginx", "openssl", "gunicorn"]


class Since(NamedTuple):
    """The first version of a program that knows something."""

    program: Program
    version: tuple[int, ...]
    source: str


# nginx: docs/xml/nginx/changes.xml of nginx.org and its CHANGES; the directives' own pages say the same.
FACTS: dict[str, Since] = {
    "ssl_reject_handshake": Since("nginx", (1, 19, 4), "ngx_http_ssl_module: ssl_reject_handshake"),
    "error_log_option": Since("nginx", (1, 19, 5), "CHANGES: -e, and no opening of the compiled-in error log first"),
    "ssl_session_ticket_rotation": Since("nginx", (1, 23, 2), "CHANGES: ticket keys in shared memory are rotated"),
    "http3": Since("nginx", (1, 25, 0), "ngx_http_v3_module: experimental since 1.25.0"),
    "http2_directive": Since("nginx", (1, 25, 1), "CHANGES: the http2 directive; the listen parameter is deprecated"),
    "upstream_resolve": Since("nginx", (1, 27, 3), "ngx_http_upstream_module: resolve and resolver, open source too"),
    "keepalive_min_timeout": Since("nginx", (1, 27, 4), "ngx_http_core_module: keepalive_min_timeout"),
    "upstream_keepalive_default": Since("nginx", (1, 29, 7), "CHANGES: keepalive 32 local and HTTP/1.1 by default"),
    # An OpenSSL that does not know a group stops nginx: SSL_CTX_set1_curves_list() failed (measured, 3.0).
    "x25519mlkem768": Since("openssl", (3, 5), "OpenSSL 3.5 release notes: ML-KEM and hybrid groups"),
    # of gunicorn: its page of news
    "forwarded_networks": Since("gunicorn", (24, 1), "24.1.0: networks in forwarded_allow_ips"),
    # 27.0.1 answers late requests on kept-alive connections; measured with max_requests: 35 of 517 POSTs lost before.
    "late_requests": Since("gunicorn", (27, 0, 1), "27.0.1: a stopping gthread worker answers late requests"),
}


def knows(version: str | None, fact: str) -> bool:
    """Whether this version of the fact's program knows it; False for an unknown version.

    Raises:
        KeyError: the table has no such fact.
    """
    return version is not None and parse_version(version) >= FACTS[fact].version


def parse_version(version: str) -> tuple[int, ...]:
    """`1.29.7` as four numbers. A version cut short is the oldest it may mean: `1.29` counts as 1.29.0.

    Raises:
        ValueError: it is not one to four numbers with dots.
    """
    if not re.fullmatch(PATTERN, version):
        raise ValueError("is not a version such as 1.29.7")
    numbers = [int(number) for number in version.split(".")]
    return (*numbers, *[0] * (4 - len(numbers)))
