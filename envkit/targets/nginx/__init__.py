"""The target nginx: a complete nginx.conf, or the site for a distribution's nginx, and what both need."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import Fragment
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.nginx.findings import findings_of
from envkit.targets.nginx.page import maintenance_page
from envkit.targets.nginx.place import SERVER, Place
from envkit.targets.nginx.rehearsal import TEMPORARY
from envkit.targets.nginx.site import site_context
from envkit.targets.nginx.tls import live_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envkit.deployment.model import Deployment

LANGUAGE: Language = "nginx"
_TEMPLATES = Path(__file__).parent / "templates"
_COMMAND = "envkit render nginx"
_PORT, _TLS_PORT = 80, 443


def render(deployment: Deployment, place: Place = SERVER, *, command: str = _COMMAND) -> Rendering:
    """The files of nginx for a description.

    - `nginx/nginx.conf` is complete: it holds the very text of the files in `nginx/sites/`.
    - `nginx/sites/NAME.conf` is the app alone, for a distribution's nginx; several apps can share one.
    - `nginx/sites/catch-all.conf` and, over TLS, `catch-all-tls.conf` refuse every other host, once for all of them.
      Each is of one port, so that an app without TLS takes nothing from one with it. A description without domains
      answers every host and has none.
    - `nginx/maintenance.html` belongs in `derived.maintenance_directory`, unless the description names another page.
    - `nginx/ensure-certificate.sh` (tls letsencrypt) runs before nginx starts and after every renewal.

    Args:
        deployment: the description.
        place: the machine.
        command: how the files are made again, for their header.

    Raises:
        CannotQuote: nginx's language cannot hold a text of the description.
    """
    jinja = environment("nginx", _TEMPLATES)
    context = site_context(deployment, place)

    def written(template: str, **more: Any) -> str:
        return jinja.get_template(template).render(context, header=header(command, derived.source(deployment)), **more)

    site = written("site.conf.j2")
    catch_all = {name: written(template) for name, template in _catch_all(deployment)}
    refused = Fragment("\n\n".join(_inside(text) for text in catch_all.values()))
    complete = written("nginx.conf.j2", place=place, site=_inside(site), catch_all=refused, **_main(deployment, place))
    artifacts = [
        Artifact("nginx/nginx.conf", complete),
        Artifact(f"nginx/sites/{deployment.name}.conf", site),
    ]
    artifacts += [Artifact(f"nginx/sites/{name}", text) for name, text in catch_all.items()]
    if not deployment.maintenance.page:
        artifacts.append(Artifact("nginx/maintenance.html", maintenance_page(deployment, command)))
    if deployment.http.tls == "letsencrypt":
        artifacts.append(
            Artifact("nginx/ensure-certificate.sh", _ensure_certificate(deployment, place, command), 0o755)
        )
    return Rendering(tuple(artifacts), tuple(findings_of(deployment)))


def _catch_all(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """The names of the files that refuse hosts, of one port each, and their templates."""
    http = deployment.http
    if http.domains:
        yield f"catch-all{'' if http.port == _PORT else f'-{http.port}'}.conf", "catch-all.conf.j2"
        if http.tls in ("letsencrypt", "files"):
            of_port = "" if http.tls_port == _TLS_PORT else f"-{http.tls_port}"
            yield f"catch-all-tls{of_port}.conf", "catch-all-tls.conf.j2"


def is_catch_all(name: str) -> bool:
    """Whether a site's file refuses hosts for every app that shares the nginx."""
    return re.fullmatch(r"catch-all(-tls)?(-[0-9]+)?\.conf", name) is not None


def _inside(text: str) -> Fragment:
    """The text of a file as part of the complete one: without the header, and inside http."""
    lines = text.partition("\n\n")[2].rstrip("\n").split("\n")  # nginx's lines, which no other character ends
    return Fragment("\n".join(f"    {line}" if line else "" for line in lines))


def _main(deployment: Deployment, place: Place) -> dict[str, Any]:
    kinds = TEMPORARY if place.temporary else ()
    return {
        "own_main": f"{place.own}/{deployment.name}.d/main-*.conf",
        "temporary": [(Fragment(kind), f"{place.temporary}/{kind}_temp") for kind in kinds],
    }


def _ensure_certificate(deployment: Deployment, place: Place, command: str) -> str:
    template = environment("shell", _TEMPLATES).get_template("ensure-certificate.sh.j2")
    return template.render(
        header=header(command, derived.source(deployment)),
        live=live_folder(deployment, place),
        state=state_folder(deployment, place),
        names="subjectAltName=" + ",".join(f"DNS:{domain}" for domain in deployment.http.domains),
    )


def _judge(folder: Path, _: Deployment) -> list[str]:
    return [sys.executable, "-m", "envkit.operations.nginx_judge", str(folder)]


JUDGE = Judge("nginx", _judge)
