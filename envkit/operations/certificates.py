"""The certificate: when its time ends, whether nginx serves the one that its file holds, and what certbot renews."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from envkit.deployment import derived
from envkit.findings import Finding, words_of
from envkit.operations.programs import find_program

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment
    from envkit.operations.steps import Steps

PATIENCE = 5
"""Seconds for openssl, and for nginx's answer."""
_RENEWAL_IS_LATE = timedelta(days=10)
"""Certificates of 45 days are renewed at a third of their time, those of 90 a month before their end."""


def end_of(deployment: Deployment, findings: list[Finding]) -> datetime | None:
    """When the time of the certificate in the file ends; None where nginx ends no TLS, or it cannot be read.

    What is wrong is added to the findings.
    """
    files = derived.certificate(deployment)
    if files is None:
        return None
    openssl = find_program("openssl")
    if openssl is None:
        findings.append(Finding(files.chain, "", "cannot be looked at: openssl is not installed"))
        return None
    end = _end(openssl, files.chain)
    if end is None:
        findings.append(_unreadable(deployment, files.chain))
        return None
    left = end - datetime.now(UTC)
    if left < timedelta(0):
        findings.append(Finding(files.chain, "", f"ran out on {end:%Y-%m-%d}"))
    elif left < _RENEWAL_IS_LATE:
        findings.append(Finding(files.chain, "", f"runs out on {end:%Y-%m-%d}", "why was it not renewed?"))
    return end


def compare_served(deployment: Deployment, findings: list[Finding]) -> None:
    """Asks nginx as a visitor does, and adds to the findings that it cannot be reached, or what it should take up."""
    from envkit.targets.systemd.units import library

    http = deployment.http
    files = derived.certificate(deployment)
    port = http.port if files is None else http.tls_port
    origin = f"127.0.0.1:{port}"
    try:
        served = _served(port, http.domains[0] if files and http.domains else None)
    except OSError as error:
        findings.append(Finding(origin, "", f"cannot be reached: {words_of(error)}", "does nginx run?"))
        return
    if files is not None and (own := _certificate_in(Path(files.chain))) is not None and own != served:
        # certbot's hook does it after each renewal.
        hint = f"{library(deployment)}/certificate-renewed" if http.tls == "letsencrypt" else "systemctl reload nginx"
        findings.append(Finding(origin, "", "serves another certificate than the file holds", hint))


def tell_renewed(deployment: Deployment, steps: Steps, root: Path, *, installed: bool) -> None:
    """Tells which certificates certbot goes on to renew for an app that needs them no more.

    Whether anything else has them only their owner knows; where nothing answers for their hosts, certbot fails.

    Args:
        deployment: the description.
        steps: tells.
        root: the server's root folder.
        installed: the app is there, and needs its own certificate.
    """
    from envkit.targets.systemd.units import library

    hook = f"{library(deployment)}/certificate-renewed"
    needed = deployment.http.domains[0] if installed and deployment.http.tls == "letsencrypt" else None
    for file in sorted((root / "etc/letsencrypt/renewal").glob("*.conf")):
        with suppress(OSError):
            if file.stem != needed and hook in file.read_text(encoding="utf-8", errors="replace"):
                words = f"certbot goes on to renew {file.stem}, which this app needs no more"
                steps.tell(f"{words}: certbot delete --cert-name {file.stem}")


def _served(port: int, domain: str | None) -> bytes:
    """The certificate, as DER, that visitors of the domain get; without a domain it is only seen that nginx listens."""
    import socket
    import ssl

    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        if domain is None:
            return b""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it is looked at, whoever signed it
        with context.wrap_socket(plain, server_hostname=domain.replace("*", "www")) as connection:
            return connection.getpeercert(binary_form=True) or b""


def _certificate_in(chain: Path) -> bytes | None:
    """The first certificate of a file, as DER; None where it cannot be read."""
    import ssl

    try:
        first, end, _ = chain.read_text(encoding="ascii", errors="replace").partition(ssl.PEM_FOOTER)
        return ssl.PEM_cert_to_DER_cert(first[first.index(ssl.PEM_HEADER) :] + end)
    except (OSError, ValueError):
        return None


def _end(openssl: str, chain: str) -> datetime | None:
    try:
        done = subprocess.run(
            [openssl, "x509", "-noout", "-enddate", "-in", chain],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.fullmatch(r"notAfter=(\w+ +\d+ [\d:]+ \d+) GMT", done.stdout.decode(errors="replace").strip())
    return found and datetime.strptime(" ".join(found[1].split()), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)


def _unreadable(deployment: Deployment, chain: str) -> Finding:
    problem, hint = "is no certificate that openssl can read", "are you root?"
    try:
        Path(chain).stat()
    except FileNotFoundError:
        problem = "no such file"
        hint = "until it is issued, visitors get a self-signed one" if deployment.http.tls == "letsencrypt" else ""
    except OSError:
        pass  # another user may not even look
    return Finding(chain, "", problem, hint)
