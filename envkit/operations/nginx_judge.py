"""Asks the real nginx whether it accepts rendered files, on any machine: `python -m envkit.operations.nginx_judge`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from envkit.operations.nginx_program import Nginx, find_nginx
from envkit.operations.programs import find_program
from envkit.targets.nginx.rehearsal import rehearsed


def main(arguments: list[str]) -> int:
    """Judges FOLDER/nginx/nginx.conf, and the files in FOLDER/nginx/sites as a distribution's nginx reads them.

    Arguments are FOLDER and, where another than `nginx` is to judge, PROGRAM. nginx's own messages go to standard
    error. Returns 0 when nginx accepts both, 1 when not, 2 when a program is missing or openssl fails.
    """
    folder, program = Path(arguments[0]) / "nginx", (arguments[1:] or ["nginx"])[0]
    nginx, openssl = find_nginx(program), find_program("openssl")
    if nginx is None or openssl is None:
        print(f"{program if nginx is None else 'openssl'} is not installed", file=sys.stderr)  # noqa: T201
        return 2
    if not (folder / "nginx.conf").is_file():
        print(f"{folder}/nginx.conf: no such file", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory(prefix="envkit-nginx-") as scratch:
        if said := _certify(openssl, Path(scratch)):
            print(f"openssl makes no certificate to try the files with:\n{said}", file=sys.stderr)  # noqa: T201
            return 2
        complete = rehearsed((folder / "nginx.conf").read_text(encoding="utf-8"), scratch)
        verdicts = [_accepts(nginx, "complete", complete, Path(scratch))]
        sites = sorted((folder / "sites").glob("*.conf"))
        if sites:
            alone = _distribution("\n".join(site.read_text(encoding="utf-8") for site in sites))
            verdicts.append(_accepts(nginx, "sites", rehearsed(alone, scratch), Path(scratch)))
    return 0 if all(verdicts) else 1


def _distribution(sites: str) -> str:
    """The sites inside as little of an nginx.conf as nginx needs."""
    return f"pid /run/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{sites}\n}}\n"


def _accepts(nginx: Nginx, name: str, text: str, scratch: Path) -> bool:
    path = scratch / f"{name}.conf"
    path.write_text(text, encoding="utf-8")
    command = [nginx.program, "-t", "-q", *nginx.quietly, "-p", str(scratch), "-c", str(path)]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 0


def _certify(openssl: str, scratch: Path) -> str:
    """A certificate for a month, as `nginx -t` reads those that are named; returns what openssl said if it failed."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(scratch / "key.pem")]
    command = [openssl, "req", "-x509", *key, "-out", str(scratch / "certificate.pem"), "-subj", "/CN=rehearsal"]
    done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    return done.stderr.decode(errors="replace") if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
