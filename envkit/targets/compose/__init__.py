"""The target compose: the app, its proxy, its certificates and what it needs, as services of Compose 2 and 1.29."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.deployment.errors import DescriptionError
from envkit.rendering.environments import Language, environment, header
from envkit.rendering.quoting import CannotQuote, Fragment
from envkit.targets import nginx
from envkit.targets.artifacts import Artifact, Judge, Rendering
from envkit.targets.compose.beside import PASSWORD
from envkit.targets.compose.findings import problems_of, warnings_of
from envkit.targets.compose.form import COMPOSE, INERTIA, Form
from envkit.targets.compose.services import (
    NGINX_GROUP,
    RELEASE,
    mounts_of,
    nginx_paths,
    process_names,
    runs_always,
    services_context,
)
from envkit.targets.compose.yaml import block, key
from envkit.targets.labels import no_table
from envkit.targets.nginx.place import CONTAINER, CONTAINER_FOLDER

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment
    from envkit.targets.settings import SettingNames

LANGUAGE: Language = "compose"
_TEMPLATES = Path(__file__).parent / "templates"


def render(deployment: Deployment, settings: SettingNames | None = None, form: Form = COMPOSE) -> Rendering:
    """The files of Compose for a description.

    - `compose.yaml`: every process of the app from one image, nginx as the only way in, certbot, and what the app
      needs beside it.
    - `deploy.sh` replaces what runs, the release process first.
    - `proxy/` (`inertia-proxy/`): what nginx's container has in its folder of configuration.

    Args:
        deployment: the description; without a table [container] every key has its default.
        settings: the names that the settings class declares; None where no class is known, which is a warning.
        form: where the file is to be read.

    Raises:
        DescriptionError: the description does not fit containers.
        CannotQuote: a language of the files cannot hold a text of the description.
    """
    missing = (no_table(deployment),) if deployment.container is None and deployment.http.upstream is None else ()
    deployment = _in_containers(deployment)
    problems = list(problems_of(deployment, form))
    if problems:
        raise DescriptionError(problems)
    context = {
        **services_context(deployment, settings, form),
        "header": header(form.command, derived.source(deployment)),
        "alone": form.alone,
        "notes": _notes(deployment, form),
        "export": _export(deployment),
        "environment_note": _environment_note(form),
    }
    if context["certbot"]:
        context["certbot"] = {"image": context["certbot_image"], "script": _certbot_script(deployment)}
    artifacts = [Artifact(form.file, _yaml("compose.yaml.j2", context))]
    if form.alone:
        artifacts.append(Artifact(f"{form.proxy}/Dockerfile", _proxy_dockerfile(deployment, form)))
    else:
        artifacts.append(Artifact("deploy.sh", _deploy_script(deployment, form, context["all_secret_files"]), 0o755))
    proxy = nginx.render(deployment, CONTAINER, command=form.command)
    artifacts += [
        replace(artifact, path=f"{form.proxy}/{artifact.path.removeprefix('nginx/')}")
        for artifact in proxy.artifacts
        if not artifact.path.startswith("nginx/sites/")
    ]
    return Rendering(tuple(artifacts), (*missing, *proxy.findings, *warnings_of(deployment, settings, form)))


def _judge(folder: Path, _: Deployment) -> list[str]:
    return [sys.executable, "-m", "envkit.operations.compose_judge", str(folder / COMPOSE.file)]


JUDGE = Judge("docker", _judge)


def judge_inertia(folder: Path, _: Deployment) -> list[str]:
    """How Compose judges the file that Inertia starts."""
    return [sys.executable, "-m", "envkit.operations.compose_judge", str(folder / INERTIA.file)]


def _in_containers(deployment: Deployment) -> Deployment:
    """The description with what a container's nginx has elsewhere than a server's."""
    maintenance = deployment.maintenance
    return replace(
        deployment,
        container=derived.container(deployment),
        maintenance=replace(maintenance, directory=maintenance.directory or CONTAINER_FOLDER),
    )


def _yaml(template: str, context: dict[str, Any]) -> str:
    jinja = environment("compose", _TEMPLATES)
    jinja.filters.update({"key": key, "block": block})
    return jinja.get_template(template).render(context)


def _shell(template: str, **context: Any) -> str:
    return environment("shell", _TEMPLATES).get_template(template).render(context)


def _notes(deployment: Deployment, form: Form) -> list[Fragment]:
    if form.alone:
        return [
            Fragment("Inertia starts it with this file alone: no .env and no folder lies beside it then, so every"),
            Fragment("setting is named by ${NAME} and set by inertia-settings.sh."),
        ]
    return [
        Fragment("./deploy.sh starts or replaces everything, the release process first. Settings come from the"),
        Fragment(f"environment of Compose or from .env beside this file: {_export(deployment)} compose --out .env"),
        Fragment("(docker-compose 1.29 reads quotes and $ otherwise: for it --to compose-v1)."),
        Fragment("Services and keys of your own go into compose.override.yaml, which Compose reads as well."),
    ]


def _export(deployment: Deployment) -> Fragment:
    """The command up to the channel; the settings class need not declare PostgreSQL's own password."""
    return Fragment(f"envkit export{' --all' if deployment.services.postgres else ''} --to")


def _environment_note(form: Form) -> Fragment:
    if form.alone:
        return Fragment("An empty one counts as not set.")
    return Fragment("One that is not set where Compose runs stays unset here.")


def _certbot_script(deployment: Deployment) -> str:
    http = deployment.http
    return _shell(
        "certbot.sh.j2",
        contact=["--email", http.email] if http.email else ["--register-unsafely-without-email"],
        server=http.acme_server,
        staging=derived.replaced_at_once(deployment),
        domains=http.domains,
        acme_root=http.acme_root,
        group=NGINX_GROUP,
    )


def _deploy_script(deployment: Deployment, form: Form, secrets: list[str]) -> str:
    container = derived.container(deployment)
    asked = deployment.services
    described = [("redis", asked.redis), ("postgres", asked.postgres), ("dynamodb-local", asked.dynamodb_local)]
    always = [name for name in process_names(deployment) if runs_always(deployment, name)]
    # Of another image, or of a user by name, the number is not known.
    is_known = container.base == "envkit" and not any(process.user for process in deployment.processes.values())
    return _shell(
        "deploy.sh.j2",
        header=header(form.command, derived.source(deployment)),
        name=deployment.name,
        proxy=form.proxy,
        folders=_folders(deployment),
        user=Fragment(f", {derived.CONTAINER_USER}" if is_known else ""),
        secrets=[f"secrets/{name}" for name in secrets],
        export=_export(deployment),
        build=container.build is not None,
        pull="/" in derived.image(deployment),
        beside=[name for name, wanted in described if wanted],
        release=RELEASE in deployment.processes,
        checked=derived.checks_settings(deployment),
        nginx_file=f"{CONTAINER_FOLDER}/nginx.conf",
        readers=always,
        services=[*always, "nginx", *(["certbot"] if deployment.http.tls == "letsencrypt" else [])],
    )


def _folders(deployment: Deployment) -> list[str]:
    """Those of the machine that the containers see, and files alike; nginx's own come last."""
    mounted = [host for name in process_names(deployment) for host, _ in mounts_of(deployment, name)]
    return list(dict.fromkeys([*mounted, *nginx_paths(deployment)]))


def _proxy_dockerfile(deployment: Deployment, form: Form) -> str:
    image = derived.container(deployment).images.nginx
    if not re.fullmatch(r"[A-Za-z0-9][!-~]*", image) or "$" in image or "\\" in image:
        raise CannotQuote("a Dockerfile", "this name of an image")
    return _shell(
        "proxy.Dockerfile.j2",
        header=header(form.command, derived.source(deployment)),
        image=Fragment(image),
        proxy=Fragment(form.proxy),
        folder=Fragment(CONTAINER_FOLDER),
    )


__all__ = ["COMPOSE", "INERTIA", "JUDGE", "LANGUAGE", "PASSWORD", "judge_inertia", "render"]
