"""`envkit check --image`: what must not be in an image is found in every layer, as docker save and its kin write it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile

import pytest

from envkit.operations.image_scanning import ImageError, scan_image

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA" + b"canary0/" * 8 + b"\n-----END RSA PRIVATE KEY-----\n"


def tarred(files):
    """A tar archive of these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def config(*lines):
    """The image's configuration: one line of the Dockerfile for each layer, and one that made none."""
    history = [{"created_by": line} for line in lines]
    return json.dumps({"history": [*history, {"created_by": "USER app", "empty_layer": True}]}).encode()


@pytest.fixture
def saved(tmp_path):
    """Writes an archive of these layers in one of the forms; returns its path."""

    def write(layers, lines, form="docker 20"):
        names = [f"{number}/layer.tar" for number in range(len(layers))]
        texts = [tarred(layer) for layer in layers]
        settings = "config.json"
        if form != "docker 20":  # an OCI layout, whose blobs have no endings; podman's layers may be compressed
            names = [f"blobs/sha256/{number}f" for number in range(len(layers))]
            settings = "blobs/sha256/cf"
        if form == "compressed":
            texts = [gzip.compress(text) for text in texts]
        manifest = json.dumps([{"Config": settings, "Layers": names}]).encode()
        members = {**dict(zip(names, texts, strict=True)), settings: config(*lines), "manifest.json": manifest}
        path = tmp_path / "image.tar"
        path.write_bytes(tarred(members))
        return str(path)

    return write


@pytest.mark.parametrize("form", ["docker 20", "docker 25", "compressed"])
def test_names_layer_line_and_path(saved, form):
    """Each finding says where it is and which line of the Dockerfile brought it, and shows no value."""
    layers = [
        {"etc/passwd": b""},
        {"app/.env": b"SECRET_KEY=canary1\nEMPTY=\n#X=y\nDEBUG=1\n", "app/.env.example": b"A=\n", "app/key.txt": KEY},
        {"app/.wh..env": b"", "./srv/.env.local": b""},
    ]
    path = saved(layers, ["ADD file:1 in /", "COPY . . # buildkit", "/bin/sh -c rm .env"], form)
    findings = scan_image(path)
    advice = ".dockerignore, build again, and replace the secrets: no later layer takes them out"
    in_it = "is in the image, for everyone who can pull it. add"
    assert list(map(str, findings)) == [
        f"{path}, {layer}: {file}: {what} {in_it} **/{file.rpartition('/')[2]} to {advice}"
        for layer, file, what in (
            ("layer 2 of 3 (COPY . .)", "/app/.env", "an env file (it sets SECRET_KEY, DEBUG)"),
            ("layer 2 of 3 (COPY . .)", "/app/key.txt", "a private key"),
            ("layer 3 of 3", "/srv/.env.local", "an env file"),
        )
    ]
    assert {finding.severity for finding in findings} == {"error"}


@pytest.mark.parametrize(
    "content",
    [
        KEY.replace(b"\n", b"\r\n"),
        b'x = "' + KEY.replace(b"\n", b"\\n") + b'"',
        KEY.replace(b"RSA ", b""),
        KEY.replace(b"KEY-----\nMII", b"KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n\nMII"),
    ],
    ids=["crlf", "escaped", "pkcs8", "with headers"],
)
def test_a_key_in_any_form(saved, content):
    """A private key is known by its content, whatever its file is called."""
    (finding,) = scan_image(saved([{"srv/data": content}], ["COPY"]))
    assert finding.name == "/srv/data"
    assert "canary" not in str(finding)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app/readme.md", b"It begins with -----BEGIN PRIVATE KEY-----\nand then some words follow.\n"),
        ("app/ssh.py", b'_START = b"-----BEGIN OPENSSH PRIVATE KEY-----"\n'),
        ("app/cert.pem", KEY.replace(b"RSA PRIVATE KEY", b"CERTIFICATE")),
        ("app/environment.env", b"A=b\n"),
        ("app/.env/file", b"A=b\n"),
    ],
)
def test_what_is_neither(saved, name, content):
    """Code that knows keys, certificates and other files are no finding."""
    assert scan_image(saved([{name: content}], ["COPY"])) == ()


def test_keys_of_packages_are_warnings(saved):
    """Packages bring keys for their tests."""
    (finding,) = scan_image(saved([{"opt/venv/lib/python3.13/site-packages/x/test.key": KEY}], ["RUN pip"]))
    assert finding.severity == "warning"


def test_a_line_that_runs_a_shell_is_not_shown(saved):
    """The words of a RUN, and the arguments of a build, may hold a value."""
    (finding,) = scan_image(saved([{"app/.env": b""}], ["RUN |1 TOKEN=canary /bin/sh -c echo canary >.env"]))
    assert "canary" not in str(finding)


def test_what_is_no_image(tmp_path):
    """An archive of something else is an error of its own."""
    (tmp_path / "x.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(ImageError, match="is no archive that docker save writes"):
        scan_image(str(tmp_path / "x.tar"))
