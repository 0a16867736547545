"""TLS for the versions declared, and a certificate that nginx can start with before the first one is issued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.deployment.derived import Certificate
from envkit.deployment.versions import knows

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment
    from envkit.targets.nginx.place import Place

# Mozilla's Server Side TLS guideline 6.0 (2026-04-06), profile intermediate: AEAD suites with forward secrecy only,
# and no DHE, so that no dhparam file is needed.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
_CURVES = ("X25519", "prime256v1", "secp384r1")
_POST_QUANTUM = "X25519MLKEM768"


def certificate_in_use(deployment: Deployment, place: Place) -> Certificate | None:
    """The files nginx reads; None where it does not end TLS.

    For letsencrypt these are reached by one link, NAME/certificate, which `ensure-certificate.sh` points at certbot's
    folder or, until there is one, at a self-signed certificate. (certbot refuses to issue when its own folder was made
    by someone else, and nginx refuses to start without a certificate.)
    """
    if deployment.http.tls == "letsencrypt":
        link = f"{state_folder(deployment, place)}/certificate"
        return Certificate(f"{link}/fullchain.pem", f"{link}/privkey.pem")
    return derived.certificate(deployment)


def state_folder(deployment: Deployment, place: Place) -> str:
    """The folder of the link to the certificate in use."""
    return f"{place.state}/{deployment.name}"


def live_folder(deployment: Deployment, place: Place) -> str:
    """The folder in which certbot keeps the newest certificate."""
    issued = derived.certificate(deployment)
    return place.live or (issued.chain.rpartition("/")[0] if issued else "")


def tls_context(deployment: Deployment) -> dict[str, Any]:
    """What the templates say about TLS, HTTP/2 and HTTP/3 for the versions declared."""
    nginx = deployment.versions.nginx
    post_quantum = knows(deployment.versions.openssl, "x25519mlkem768")
    directive = knows(nginx, "http2_directive")
    return {
        "ciphers": ":".join(_CIPHERS),
        "curves": ":".join(((_POST_QUANTUM,) if post_quantum else ()) + _CURVES),
        "tickets": knows(nginx, "ssl_session_ticket_rotation"),
        # The parameter is deprecated since 1.25.1 but read by every version, so an unknown one gets it.
        "http2_directive": directive,
        "http2_parameter": not directive,
        "http3": deployment.http.http3 and knows(nginx, "http3"),
        "reject_handshake": knows(nginx, "ssl_reject_handshake"),
    }
