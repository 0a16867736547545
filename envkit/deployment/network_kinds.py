"""The kinds of what the network knows: domains, addresses, networks, URLs, and headers of HTTP."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address, ip_network

from envkit.deployment.addresses import parse_address
from envkit.deployment.kind import Kind, Wrong, of_form
from envkit.deployment.number_kinds import LAST_PORT

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_LONGEST_DOMAIN = 253


def _domain(text: str) -> str:
    if not text.isascii():
        raise Wrong("must be ASCII", "write the name in its xn-- form, as a browser's certificate view shows it")
    if "://" in text or "/" in text:
        raise Wrong("must be a host name alone", "leave out the scheme and the path")
    if ":" in text:
        raise Wrong("must be a host name alone", "ports stand in http.port and http.tls_port")
    if text.endswith("."):
        raise Wrong("must not end in a dot")
    bare = text.removeprefix("*.")
    if "*" in bare:
        raise Wrong("may have a * only as its whole first label: *.example.org")
    if len(text) > _LONGEST_DOMAIN or not re.fullmatch(_HOST, bare):
        raise Wrong("must be a host name: labels of letters, digits and dashes, joined by dots")
    if re.fullmatch(r"(?:.*\.)?[0-9]+", bare) and (bare != text or not _is_ip_address(bare)):
        raise Wrong("ends in a number but is no IP address")
    return text.lower()


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _address(text: str) -> str:
    try:
        return str(parse_address(text))
    except ValueError as error:
        problem = str(error)
    raise Wrong(problem)


def _resolver(text: str) -> str:
    host, port = text, ""
    if found := re.fullmatch(r"(\[[^\[\]]+\]|[^:]+):([1-9][0-9]{0,4})", text):
        host, port = found[1], found[2]
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    if not _is_ip_address(bare) or (":" in bare) != bracketed or int(port or 1) > LAST_PORT:
        raise Wrong("must be the IP address of a DNS server, with an optional port: 127.0.0.11, [::1]:53")
    return text


def _network(text: str) -> str:
    if "%" in text:
        raise Wrong("must be an address or network without a zone")
    try:
        network = ip_network(text)
    except ValueError:
        pass
    else:
        if network.prefixlen == 0:
            raise Wrong("is every address there is", "name the networks that are meant")
        return str(network) if "/" in text else str(network.network_address)
    raise Wrong(
        "must be an IP address or a network such as 10.0.0.0/8",
        "the bits behind the prefix must be zero" if _has_host_bits(text) else "",
    )


def _has_host_bits(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _ip4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        pass
    raise Wrong("must be an IPv4 address, such as 127.0.0.1")


NETWORK_KINDS: dict[str, Kind] = {
    "domain": Kind(_domain, rf"(?:\*\.)?{_HOST}"),
    "email": of_form(rf"[A-Za-z0-9._%+-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+", "must be one e-mail address"),
    "address": Kind(_address),
    "resolver": Kind(_resolver),
    "network": Kind(_network),
    "ip4": Kind(_ip4, r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"),
    "https_url": of_form(
        rf"https://{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~/%+-]*)?",
        "must be an https:// URL without user, query and fragment",
    ),
    "header": of_form(r"[A-Za-z][A-Za-z0-9-]{0,63}", "must be the name of a header: letters, digits and dashes"),
    "header_value": of_form(r"[!-~](?:[ -~]*[!-~])?", "must be one line of printable ASCII without blanks at its ends"),
}
