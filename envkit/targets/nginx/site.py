"""The site of one app as names, numbers and headers: everything that its templates write, and nothing else."""

from __future__ import annotations

import re
from posixpath import basename, dirname
from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.deployment.versions import knows
from envkit.rendering.quoting import CannotQuote, Fragment, quote_nginx
from envkit.targets.nginx.tls import certificate_in_use, tls_context

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment, Hsts
    from envkit.targets.nginx.place import Place

Header = tuple[str, str]

_NO_SNIFFING: Header = ("X-Content-Type-Options", "nosniff")
_OUR_PAGE = "default-src 'none'; style-src 'unsafe-inline'"
"""The Content-Security-Policy of the rendered maintenance page, which holds its own style."""
_KEPT_AT_LEAST = 3
"""Seconds. Without it a reload closes idle connections at once, and a POST that is under way on one gets no answer: the
client may not send it again by itself (RFC 9110, 9.2.2)."""
_SENT_BY_CLIENTS = {"host": "$host", "uri": "$request_uri", "from": "$http_referer", "agent": "$http_user_agent"}
"""What a line of the log holds of the client's own words: nginx escapes their quotes, and lets their bytes through."""
_TAIL = r"[\x80-\xbf]"
_UTF8 = "|".join(
    (
        r"[\x00-\x7f]",
        rf"[\xc2-\xdf]{_TAIL}",
        rf"\xe0[\xa0-\xbf]{_TAIL}",
        rf"[\xe1-\xec\xee\xef]{_TAIL * 2}",
        rf"\xed[\x80-\x9f]{_TAIL}",
        rf"\xf0[\x90-\xbf]{_TAIL * 2}",
        rf"[\xf1-\xf3]{_TAIL * 3}",
        rf"\xf4[\x80-\x8f]{_TAIL * 2}",
    )
)
"""One character of UTF-8 in bytes (RFC 3629, section 4), in no other words than linters of nginx's files know."""
_LONGEST_NAME_IN_A_BUCKET = 45
"""Bytes of a server name that fit nginx's default server_names_hash_bucket_size of 64 (measured: 50 do not)."""


def site_context(deployment: Deployment, place: Place) -> dict[str, Any]:
    """The values of the templates for one description and place, quoted nowhere but by the templates' environment.

    Raises:
        CannotQuote: a path cannot be written in nginx's language.
    """
    http = deployment.http
    prefix = variable_prefix(deployment)
    tls = http.tls in ("letsencrypt", "files")
    address = derived.upstream(deployment)
    looked_up = looked_up_per_request(deployment)
    certificate = certificate_in_use(deployment, place)
    own = f"{place.own}/{deployment.name}.d"
    page = derived.maintenance_page(deployment)
    bypass = f"${prefix}_bypass" if deployment.maintenance.bypass else ""
    request_id = Fragment(f"${prefix}_id" if http.trusted_proxies else "$request_id")
    scheme = Fragment(f"${prefix}_scheme" if http.trusted_proxies else "$scheme")
    return {
        **tls_context(deployment),
        "prefix": Fragment(prefix),
        "own_folder": own,
        "own_http": f"{own}/http-*.conf",
        "own_server": f"{own}/server-*.conf",
        "log": deployment.logs.access == "nginx",
        "log_json": deployment.logs.format == "json",
        "sent_by_clients": [(field, Fragment(variable)) for field, variable in _SENT_BY_CLIENTS.items()],
        "utf8": Fragment(f"(?:{_UTF8})*"),
        "access_log": place.access_log or f"/var/log/nginx/{deployment.name}.access.log",
        "server_names_bucket": server_names_bucket(deployment),
        "trusted": http.trusted_proxies,
        "real_ip_header": http.real_ip_header,
        "request_id": request_id,
        "scheme": scheme,
        "bypass": deployment.maintenance.bypass,
        "flag": _ending(derived.maintenance_flag(deployment), bypass),
        "flag_variable": Fragment(f"${prefix}_flag"),
        "let_in": _ending(f"{derived.maintenance_state(deployment)}/{derived.MAINTENANCE_BYPASS}/", "$remote_addr"),
        "announced_folder": derived.maintenance_state(deployment),
        "announced_until": f"/{derived.MAINTENANCE_UNTIL}",
        "announced": f"/{derived.MAINTENANCE_ANNOUNCED}",
        "csp": http.content_security_policy,
        "hsts": _hsts(http.hsts) if http.tls != "off" else None,
        "hsts_by_scheme": http.tls == "upstream" and http.hsts.max_age > 0,
        "service": address.kind == "service",
        "upstream": str(address),
        "looked_up": looked_up,
        "proxied": Fragment(f"${prefix}_web" if looked_up else f"{prefix}_web"),
        "resolver": http.resolver,
        "keep_alive": derived.upstream_keep_alive(deployment) if not looked_up else 0,
        "keep_alive_is_default": knows(deployment.versions.nginx, "upstream_keepalive_default"),
        "tls": tls,
        "certificate": certificate.chain if certificate else None,
        "certificate_key": certificate.key if certificate else None,
        "domains": http.domains or (None if tls else ("_",)),
        "is_default": not http.domains,
        "plain": _listens(place, http.port),
        "secure": _listens(place, http.tls_port),
        "public_tls_port": _port_of_url(http.tls_port, 443),
        "public_port": _public_port(deployment),
        "headers": _headers(deployment, prefix, request_id),
        "page_headers": _page_headers(deployment, prefix, request_id),
        "plain_headers": [_NO_SNIFFING, ("X-Request-ID", request_id)],
        "plain_page_headers": [*_page_policy(deployment), ("X-Request-ID", request_id)],
        "body_limit": http.body_limit,
        "header_limit": http.header_limit,
        "client_timeout": http.timeouts.client,
        "send_timeout": http.timeouts.send,
        "keepalive_min_timeout": _KEPT_AT_LEAST if knows(deployment.versions.nginx, "keepalive_min_timeout") else None,
        "connect_timeout": http.timeouts.connect,
        "read_timeout": derived.proxy_read_timeout(deployment),
        "gzip": http.gzip,
        "health_path": http.health_path,
        "static": [
            (url, f"{files.directory.rstrip('/')}/", _cache_control(files.max_age, hashed=files.hashed))
            for url, files in http.static.items()
        ],
        "acme_root": http.acme_root,
        "is_probed": place.is_probed,
        "retry_after": max(1, round(deployment.maintenance.retry_after)),
        "on_error": deployment.maintenance.on_error,
        "page_folder": dirname(page) or "/",
        "page_name": f"/{basename(page)}",
    }


def variable_prefix(deployment: Deployment) -> str:
    """Begins the name of everything that is global in nginx, so that several apps can share one.

    With the longest name of an app and the longest ending, `_trusted`, a variable has 46 bytes: as many as fit nginx's
    default variables_hash_bucket_size of 64 (measured).

    Raises:
        CannotQuote: the name cannot be part of a variable's.
    """
    name = deployment.name.replace("-", "_")
    if not re.fullmatch("[a-z0-9_]+", name):
        raise CannotQuote("nginx", "this name, which is part of variables")
    return f"envkit_{name}"


def looked_up_per_request(deployment: Deployment) -> bool:
    """Whether nginx must look the upstream's name up for each request, as it cannot do so for a pool of connections."""
    return derived.upstream(deployment).kind == "service" and not knows(deployment.versions.nginx, "upstream_resolve")


def server_names_bucket(deployment: Deployment) -> int | None:
    """server_names_hash_bucket_size, where the longest domain needs more than nginx's usual one."""
    longest = max((len(domain) for domain in deployment.http.domains), default=0)
    return None if longest <= _LONGEST_NAME_IN_A_BUCKET else 128 if longest <= 100 else 512


def _headers(deployment: Deployment, prefix: str, request_id: Fragment) -> list[Header]:
    """What every answer of the app's server has: the app's own Referrer-Policy and CSP win by a map."""
    headers: list[Header] = [_NO_SNIFFING, ("Referrer-Policy", Fragment(f"${prefix}_referer"))]
    if deployment.http.content_security_policy:
        headers.append(("Content-Security-Policy", Fragment(f"${prefix}_csp")))
    return [*headers, *_transport(deployment, prefix), ("X-Request-ID", request_id)]


def _page_headers(deployment: Deployment, prefix: str, request_id: Fragment) -> list[Header]:
    return [*_page_policy(deployment), *_transport(deployment, prefix), ("X-Request-ID", request_id)]


def _page_policy(deployment: Deployment) -> list[Header]:
    policy = deployment.http.content_security_policy if deployment.maintenance.page else _OUR_PAGE
    headers: list[Header] = [_NO_SNIFFING, ("Referrer-Policy", "strict-origin-when-cross-origin")]
    return [*headers, ("Content-Security-Policy", policy)] if policy else headers


def _transport(deployment: Deployment, prefix: str) -> list[Header]:
    http = deployment.http
    headers: list[Header] = []
    if http.tls == "upstream" and http.hsts.max_age:
        headers.append(("Strict-Transport-Security", Fragment(f"${prefix}_hsts")))
    elif http.tls != "off" and (hsts := _hsts(http.hsts)):
        headers.append(("Strict-Transport-Security", hsts))
    if http.http3 and knows(deployment.versions.nginx, "http3"):
        headers.append(("Alt-Svc", f'h3=":{http.tls_port}"; ma=86400'))
    return headers


def _hsts(hsts: Hsts) -> str | None:
    if not hsts.max_age:
        return None
    parts = [f"max-age={round(hsts.max_age)}"]
    parts += ["includeSubDomains"] if hsts.include_subdomains else []
    parts += ["preload"] if hsts.preload else []
    return "; ".join(parts)


def _ending(path: str, variable: str) -> Fragment:
    """A path that ends in a variable, or in nothing."""
    quoted = quote_nginx(path)
    return Fragment(f'{quoted[:-1]}{variable}"' if quoted.endswith('"') else f"{quoted}{variable}")


def _listens(place: Place, port: int) -> list[Fragment]:
    return [Fragment(f"{address}{port}") for address in place.addresses]


def _port_of_url(port: int, usual: int) -> Fragment:
    return Fragment("" if port == usual else f":{port}")


def _public_port(deployment: Deployment) -> Fragment:
    """What follows the host in the app's addresses; behind a load balancer, whose port counts, nothing."""
    http = deployment.http
    if http.tls == "upstream":
        return Fragment("")
    return _port_of_url(http.port, 80) if http.tls == "off" else _port_of_url(http.tls_port, 443)


def _cache_control(max_age: float, *, hashed: bool) -> str:
    return "public, max-age=31536000, immutable" if hashed else f"public, max-age={round(max_age)}"
