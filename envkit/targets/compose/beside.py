"""The containers beside the app: Redis, PostgreSQL and DynamoDB-local, which only the app's own containers reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envkit.deployment import derived
from envkit.targets.settings import SettingName

if TYPE_CHECKING:
    from envkit.deployment.model import Deployment, Images
    from envkit.targets.compose.form import Form

PASSWORD = "POSTGRES_PASSWORD"  # noqa: S105 - the name of the variable
_SECRETS = "/run/secrets"


def beside(deployment: Deployment, form: Form, *, secret_files: bool) -> list[dict[str, Any]]:
    """The services that the description asks for; with `secret_files` the password comes as a file."""
    images = derived.container(deployment).images
    services = deployment.services
    return [
        *([_redis(images)] if services.redis else []),
        *([_postgres(deployment, images, form, secret_files=secret_files)] if services.postgres else []),
        *([_dynamodb(images)] if services.dynamodb_local else []),
    ]


def _service(name: str, image: str, test: list[str], **more: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"command": None, "environment": (), "keeps": None, "volume": None, "secret": None}
    return {"name": name, "image": image, "test": test, **nothing, **more}


def _redis(images: Images) -> dict[str, Any]:
    # While it loads its file, PING is answered by an error and redis-cli still ends with 0.
    test = ["CMD-SHELL", "redis-cli ping | grep -qx PONG"]
    return _service(
        "redis",
        images.redis,
        test,
        # The public image is built without protected mode; others refuse whoever is not on the loopback interface.
        command=["redis-server", "--appendonly", "yes", "--protected-mode", "no"],
        keeps="redis",
        volume="redis:/data",
    )


def _postgres(deployment: Deployment, images: Images, form: Form, *, secret_files: bool) -> dict[str, Any]:
    name = deployment.name.replace("-", "_")
    password: str = f"{PASSWORD}_FILE={_SECRETS}/{PASSWORD}"
    if not secret_files:
        password = form.variable(SettingName(PASSWORD, secret=True, required=True))
    return _service(
        "postgres",
        images.postgres,
        # By TCP, on which the server that only prepares the folder does not listen yet.
        ["CMD", "pg_isready", "--quiet", "--host", "127.0.0.1", "--username", name, "--dbname", name],
        environment=[f"POSTGRES_USER={name}", f"POSTGRES_DB={name}", password],
        keeps="postgres",
        volume="postgres:/var/lib/postgresql/data",
        secret=PASSWORD if secret_files else None,
    )


def _dynamodb(images: Images) -> dict[str, Any]:
    return _service(
        "dynamodb-local",
        images.dynamodb_local,
        # The image is Amazon Linux, whose package manager needs bash; nobody promises curl.
        ["CMD", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000"],
        command=["-jar", "DynamoDBLocal.jar", "-sharedDb", "-inMemory"],
    )
