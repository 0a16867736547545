"""What nginx cannot express, or not as well as a newer version would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from envkit.deployment.versions import knows
from envkit.targets.findings import warning
from envkit.targets.nginx.site import looked_up_per_request, server_names_bucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment
    from envkit.findings import Finding


def findings_of(deployment: Deployment) -> Iterator[Finding]:
    """Warnings, in the order of the model."""
    http = deployment.http
    if http.http3 and not knows(deployment.versions.nginx, "http3"):
        yield warning(
            deployment, "http.http3", "HTTP/3 is left out", "it needs versions.nginx 1.25 or later", "nginx-http3"
        )
    if looked_up_per_request(deployment):
        yield warning(
            deployment,
            "http.upstream",
            "connections to a service whose name is looked up again cannot be kept alive",
            "declare versions.nginx 1.27.3 or later, which can do both",
            "nginx-no-keep-alive",
        )
    if server_names_bucket(deployment):
        yield warning(
            deployment,
            "http.domains",
            "a domain is longer than nginx's usual limit, so the site sets server_names_hash_bucket_size",
            "take it out of the distribution's nginx.conf, where it would be a duplicate",
            "nginx-long-domain",
        )
