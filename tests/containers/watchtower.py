"""A stand-in for Watchtower, whose image is in no package: one of its rounds, by the engine's HTTP API.

It is not the program. It does what the source of the maintained fork says, nicholas-fedor/watchtower, from which the
default image of envkit is made (v1.21): which containers it takes from `pkg/filters/filters.go` (103c5c1, BuildFilter),
when an image is new and when an old one is removed from `pkg/container/image.go` (0169b92, HasNewImage,
RemoveImageByID), the stop and the removal from `pkg/container/container_source.go` (01a100a,
StopAndRemoveSourceContainer, processEndpoint), the new container from `pkg/container/container.go` (0169b92,
GetCreateConfig) and `container_target.go` (03fd4d9, StartTargetContainer), and the order, all stops before all starts,
from `internal/actions/update.go` (005988e, stopContainersInReversedOrder). Left out are registries with passwords,
hooks, links, notifications and its own update, of which envkit renders nothing.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "com.centurylinklabs.watchtower"


class Watchtower:
    """One that was started with a service of a Compose file, as Compose reads it."""

    def __init__(self, host: str, service: Mapping[str, Any]) -> None:
        environment = service["environment"]
        self._host = host
        self.scope: str = environment["WATCHTOWER_SCOPE"] or service["labels"][f"{_PREFIX}.scope"]
        self.schedule: str = environment["WATCHTOWER_SCHEDULE"].strip("\"'")
        self._needs_label = environment["WATCHTOWER_LABEL_ENABLE"] == "true"
        self._cleans_up = environment["WATCHTOWER_CLEANUP"] == "true"
        found = re.fullmatch(r"([0-9]+)s", environment["WATCHTOWER_TIMEOUT"])
        assert found is not None
        self._timeout = int(found[1])

    def round(self) -> list[str]:
        """What it does when its schedule fires; returns the names of the containers that were replaced."""
        listed = self._call("GET", "/containers/json", filters=json.dumps({"status": ["running"]}))
        containers = [self._call("GET", f"/containers/{each['Id']}/json") for each in listed]
        stale = [container for container in containers if self._is_mine(container) and self._is_stale(container)]
        images = [self._call("GET", f"/images/{container['Image']}/json") for container in stale]
        for container in stale:
            self._stop_and_remove(container)
        for container, image in zip(stale, images, strict=True):
            self._start_again(container, image)
        if self._cleans_up:
            used = {container["ImageID"] for container in self._call("GET", "/containers/json", all="1")}
            for image in {image["Id"] for image in images} - used:
                self._call("DELETE", f"/images/{image}", force="1")
        return [container["Name"].removeprefix("/") for container in stale]

    def _is_mine(self, container: Mapping[str, Any]) -> bool:
        labels = container["Config"]["Labels"] or {}
        enabled = labels.get(f"{_PREFIX}.enable")
        if enabled == "false" or (self._needs_label and enabled is None):
            return False
        return (labels.get(f"{_PREFIX}.scope") or "none") == self.scope

    def _is_stale(self, container: Mapping[str, Any]) -> bool:
        name = container["Config"]["Image"]
        if "@" in name or name.startswith("sha256:"):
            return False
        self._call("POST", "/images/create", fromImage=name if ":" in name.rpartition("/")[2] else f"{name}:latest")
        return bool(self._call("GET", f"/images/{quote(name, safe='')}/json")["Id"] != container["Image"])

    def _stop_and_remove(self, container: Mapping[str, Any]) -> None:
        """Stops by the container's own time where it has one, else by the time of the settings."""
        timeout = container["Config"].get("StopTimeout")
        self._call("POST", f"/containers/{container['Id']}/stop", t=str(self._timeout if timeout is None else timeout))
        self._call("DELETE", f"/containers/{container['Id']}", force="1")

    def _start_again(self, container: Mapping[str, Any], image: Mapping[str, Any]) -> None:
        body = {
            **_without_the_image(container, image["Config"]),
            "HostConfig": container["HostConfig"],
            "NetworkingConfig": {"EndpointsConfig": _endpoints(container)},
        }
        made = self._call("POST", "/containers/create", body)["Id"]
        self._call("POST", f"/containers/{made}/rename", name=container["Name"].removeprefix("/"))
        self._call("POST", f"/containers/{made}/start")

    def _call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """One request to the engine; what it answered, of a stream the last line."""
        connection = http.client.HTTPConnection("localhost", timeout=300)
        if self._host.startswith("unix://"):
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.connect(self._host.removeprefix("unix://"))
        else:
            host, _, port = self._host.removeprefix("tcp://").partition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=300)
        try:
            headers = {"Content-Type": "application/json"}
            text = None if body is None else json.dumps(body)
            connection.request(method, f"{path}?{urlencode(query)}", text, headers)
            answer = connection.getresponse()
            said = answer.read().decode()
        finally:
            connection.close()
        assert answer.status < 400, f"{method} {path}: {said}"
        lines = said.splitlines()
        assert not any("errorDetail" in line for line in lines), said
        return json.loads(lines[-1]) if lines else None


def _without_the_image(container: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """A container's configuration without what it had of its image, so that the new image's takes that place."""
    config = dict(container["Config"])
    for key in ("WorkingDir", "User"):
        if config[key] == image[key]:
            config[key] = ""
    if container["HostConfig"]["UTSMode"] or container["HostConfig"]["NetworkMode"].startswith("container:"):
        config["Hostname"] = ""
    if config["Entrypoint"] == image["Entrypoint"]:
        config["Entrypoint"] = None
        if config["Cmd"] == image["Cmd"]:
            config["Cmd"] = None
    health, health_of_image = config.get("Healthcheck"), image.get("Healthcheck")
    if health and health_of_image:
        config["Healthcheck"] = {key: value for key, value in health.items() if health_of_image.get(key) != value}
    config["Env"] = [entry for entry in config["Env"] or () if entry not in (image["Env"] or ())]
    for key in ("Labels", "Volumes", "ExposedPorts"):
        of_image = image.get(key) or {}
        config[key] = {
            name: value
            for name, value in (config.get(key) or {}).items()
            if name not in of_image or of_image[name] != value
        }
    config["ExposedPorts"] |= {port: {} for port in container["HostConfig"]["PortBindings"] or {}}
    return config


def _endpoints(container: Mapping[str, Any]) -> dict[str, Any]:
    """The networks, without the addresses and the name that were the old container's own."""
    own = {"MacAddress": "", "IPAddress": "", "DNSNames": None}
    found = {}
    for name, endpoint in container["NetworkSettings"]["Networks"].items():
        aliases = [alias for alias in endpoint["Aliases"] or () if alias != container["Id"][:12]]
        found[name] = {**endpoint, **own, "Aliases": aliases}
    return found
