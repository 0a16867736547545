"""Where nginx keeps its own files and what it listens on: all that belongs to a machine and not to the description."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine, or a folder of one, for which nginx's files are rendered.

    What the description says (ports, upstream, folders of static files, flag, page) is changed there, by
    `dataclasses.replace`; a Place holds the rest.
    """

    addresses: tuple[str, ...] = ("", "[::]:")
    """What stands before the port in each `listen`: nothing for every IPv4 address, or an address and a colon."""
    user: str | None = "www-data"
    """The user of the worker processes; None where nginx is not started by root."""
    daemon: bool = True
    """False keeps nginx in the foreground."""
    pid: str = "/run/nginx.pid"
    error_log: str = "/var/log/nginx/error.log"
    access_log: str | None = None
    """Unless given, /var/log/nginx/NAME.access.log."""
    temporary: str | None = None
    """An existing folder, in which nginx makes one for bodies and one for answers that are too large for its memory.

    None leaves it to the build of nginx.
    """
    own: str = "/etc/nginx"
    """The folder that holds NAME.d, the user's own lines."""
    state: str = "/var/lib/envkit"
    """The folder in which NAME/certificate leads to the certificate in use (tls letsencrypt)."""
    live: str | None = None
    """The folder in which certbot puts fullchain.pem and privkey.pem; unless given, /etc/letsencrypt/live/DOMAIN."""
    is_probed: bool = False
    """The health probe of the image envkit-nginx asks every ten seconds, of which no log tells."""

    @classmethod
    def below(cls, folder: str, *, host: str = "127.0.0.1", user: str | None = None) -> Place:
        """A Place that needs no rights: everything below an existing folder, one address, in the foreground.

        Logs go to standard error and standard output. Started by root without a user, nginx's workers become
        `nobody`, who reads nothing in a private folder: root names itself.
        """
        return cls(
            addresses=(f"{host}:",),
            user=user,
            daemon=False,
            pid=f"{folder}/nginx.pid",
            error_log="stderr",
            access_log="/dev/stdout",
            temporary=folder,
            own=folder,
            state=folder,
            live=f"{folder}/live",
        )


SERVER = Place()
"""A Debian or Ubuntu server with the distribution's nginx, started by root."""

CONTAINER_FOLDER = "/etc/envkit/nginx"
"""Where the proxy's container has its configuration, the maintenance page and the user's own lines."""
CONTAINER = Place(
    addresses=("",),  # a container's kernel may have no IPv6, and Docker translates what arrives by it
    user=None,  # the image's own: nothing here needs root
    daemon=False,
    pid="/tmp/nginx.pid",  # noqa: S108 - the container's own, in memory, on a root file system that is read-only
    error_log="stderr",
    access_log="/dev/stdout",
    temporary="/var/lib/envkit",  # a volume: in memory a large upload, or what a slow client fetches, would fill it
    own=CONTAINER_FOLDER,
    is_probed=True,
)
"""The container of the image envkit-nginx."""
