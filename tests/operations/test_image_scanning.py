"""`envkit check --image`: what must not be in an image is found in every layer, as docker save and its kin write it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from envkit.operations.image_scanning import ImageError, scan_image

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA" + b"canary0/" * 8 + b"\n-----END RSA PRIVATE KEY-----\n"
PGP_KEY = (
    b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF" + b"canary0/" * 8 + b"\n-----END PGP PRIVATE KEY BLOCK-----\n"
)


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
        PGP_KEY,
        PGP_KEY.replace(b"\n", b"\\n"),
        KEY.replace(b"KEY-----\nMII", b"KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0\n\nMII"),
    ],
    ids=["crlf", "escaped", "pkcs8", "pgp", "pgp, escaped", "with headers"],
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
        ("app/environment", b"A=b\n"),
        ("app/example.env", b"A=b\n"),
        ("app/.env/file", b"A=b\n"),
        ("app/.env.example.bak", b"A=b\n"),
        ("app/.envrc", b"layout python\nuse flake\n"),
        ("app/migrations/env.py", b"A=b\n"),
        ("app/static/env.js", b"A=b\n"),
        ("app/pgp.txt", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nand then some words follow.\n"),
        ("app/pgp.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + b"A" * 64 + b"\n"),
    ],
)
def test_what_is_neither(saved, name, content):
    """Code that knows keys, certificates and other files are no finding."""
    assert scan_image(saved([{name: content}], ["COPY"])) == ()


@pytest.mark.parametrize(
    "name",
    [
        *("app.env", "prod.env", ".env.production", "config/.env", "env.prod", ".envrc"),
        *(".env~", ".env.bak", "app.env.bak", "app.env~", "env.prod.old", ".envrc.bak", ".app.env.swp"),
    ],
)
def test_an_env_file_of_any_name(saved, name):
    """Also one that was exported under another name than .env, or was kept; its values are not shown."""
    (finding,) = scan_image(saved([{f"app/{name}": b"API_TOKEN=canary\n"}], ["COPY"]))
    assert (finding.name, finding.severity) == (f"/app/{name}", "error")
    assert "an env file (it sets API_TOKEN)" in finding.problem
    assert "canary" not in str(finding)


def test_flasks_public_settings_are_a_warning(saved):
    """Flask keeps them beside .env, which holds the secrets."""
    (finding,) = scan_image(saved([{"app/.flaskenv": b"FLASK_APP=canary\n"}], ["COPY"]))
    assert (finding.name, finding.severity) == ("/app/.flaskenv", "warning")
    assert "an env file (it sets FLASK_APP)" in finding.problem


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


# --- the configuration ----------------------------------------------------------------------------------------------

ESCAPED = KEY.decode().strip().replace("\n", "\\n")


def configured(tmp_path, configuration):
    """An image with this configuration and no layer; returns the archive's path."""
    manifest = json.dumps([{"Config": "c.json", "Layers": []}]).encode()
    path = tmp_path / "image.tar"
    path.write_bytes(tarred({"manifest.json": manifest, "c.json": json.dumps(configuration).encode()}))
    return str(path)


@pytest.mark.parametrize(
    "documents",
    [
        {"manifest.json": 5},
        {"manifest.json": [1]},
        {"manifest.json": [{"Config": "c.json", "Layers": 1}]},
        {"manifest.json": [{"Config": "c.json"}], "c.json": [1]},
        {"manifest.json": [{"Config": "c.json"}], "c.json": {"config": {"Env": 5}}},
        {"manifest.json": [{"Config": "c.json"}], "c.json": {"history": [3]}},
        {"index.json": {"manifests": [1]}},
    ],
)
def test_documents_that_are_none_of_an_image(tmp_path, documents):
    """An archive with JSON of another shape is refused: of what was not understood nobody says that it is clean."""
    path = tmp_path / "image.tar"
    path.write_bytes(tarred({name: json.dumps(document).encode() for name, document in documents.items()}))
    with pytest.raises(ImageError) as caught:
        scan_image(str(path))
    assert str(caught.value) == f"{path}: is no archive that docker save writes: ReadError"


def test_a_secret_setting_by_env(tmp_path):
    """A declared secret is named without its value; empty ones, others and paths of files are none."""
    env = ["API_TOKEN=canary=1", "EMPTY_TOKEN=", "API_TOKEN_FILE=/run/secrets/API_TOKEN", "GREETING=canary", "A", ""]
    path = configured(tmp_path, {"config": {"Env": env}, "history": [{"created_by": "ENV API_TOKEN=canary=1"}]})
    (finding,) = scan_image(path, {"API_TOKEN", "EMPTY_TOKEN"})
    assert str(finding) == (
        f"{path}: API_TOKEN: the value of a secret setting is in the image, for everyone who can pull it, by ENV. take "
        "it out of the Dockerfile, build again, replace the secret, and give it to the container when it starts"
    )
    assert scan_image(path) == ()


@pytest.mark.parametrize(
    "value",
    [KEY.decode(), ESCAPED, f'"{ESCAPED}"'],
    ids=["as it is", "escaped", "quoted"],
)
def test_a_private_key_by_env(tmp_path, value):
    """A private key is known by what it looks like, under any name and without a settings class."""
    (finding,) = scan_image(configured(tmp_path, {"config": {"Env": ["PATH=/bin", f"ANYTHING={value}"]}}))
    assert (finding.name, finding.problem.partition(" is ")[0]) == ("ANYTHING", "a private key")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("ENV API_TOKEN=canary # buildkit", True),
        ("/bin/sh -c #(nop)  ENV GREETING=two words API_TOKEN=canary", True),
        ("/bin/sh -c #(nop) ENV API_TOKEN canary", True),
        ("ARG API_TOKEN=canary", True),
        ("RUN |2 GREETING=x API_TOKEN=canary /bin/sh -c make # buildkit", True),
        ("|1 API_TOKEN=canary /bin/sh -c make", True),
        ("ARG API_TOKEN", False),
        ("ENV API_TOKEN= # buildkit", False),
        ("ENV MY_API_TOKEN=x API_TOKEN_FILE=/x # buildkit", False),
        ("RUN /bin/sh -c API_TOKEN=none make collectstatic # buildkit", False),
        ("RUN |1 GREETING=x /bin/sh -c API_TOKEN=none make # buildkit", False),
        ("LABEL API_TOKEN=x", False),
    ],
)
def test_a_secret_setting_in_the_history(tmp_path, line, named):
    """What ENV and ARG were given stays in the history, though a later line unsets it; a shell's words are its own."""
    path = configured(tmp_path, {"config": {"Env": ["API_TOKEN="]}, "history": [{}, {"created_by": line}]})
    findings = list(map(str, scan_image(path, {"API_TOKEN"})))
    assert len(findings) == int(named)
    assert "canary" not in "".join(findings)
    for finding in findings:
        words = "the value of a secret setting is in the image, for everyone who can pull it, in line 2 of its history"
        assert finding.startswith(f"{path}: API_TOKEN: {words}. an argument of a build stays")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"RUN |1 DEPLOY_KEY={KEY.decode()} /bin/sh -c true", "DEPLOY_KEY"),
        (f"ARG DEPLOY_KEY={ESCAPED}", "DEPLOY_KEY"),
        (f'ENV DEPLOY_KEY="{ESCAPED}"', "DEPLOY_KEY"),
        (f"RUN /bin/sh -c printf '{ESCAPED}' > /key", "line 1"),
    ],
)
def test_a_private_key_in_the_history(tmp_path, line, name):
    """A private key that a build was given, or that a line holds, is found by what it looks like."""
    (finding,) = scan_image(configured(tmp_path, {"history": [{"created_by": line}]}))
    assert (finding.name, finding.problem.partition(" is ")[0]) == (name, "a private key")
    assert "canary" not in str(finding)


def test_a_private_key_in_a_label_or_command(tmp_path):
    """Nothing of the configuration is passed over."""
    for config in ({"Labels": {"key": KEY.decode()}}, {"Cmd": ["sh", "-c", f"echo '{ESCAPED}'"]}):
        (finding,) = scan_image(configured(tmp_path, {"config": config}))
        assert finding.name == "its configuration"


# --- archives -------------------------------------------------------------------------------------------------------


def layout(layers, kinds=("tar",), nested=False):
    """The members of an OCI layout without docker's manifest.json, and of another image of other words."""
    blobs = {}

    def put(content, kind="json"):
        digest = f"{len(blobs):064x}"
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": f"application/vnd.oci.image.layer.v1.{kind}", "digest": f"sha256:{digest}"}

    described = [put(layer, kind) for layer, kind in zip(layers, kinds, strict=False)]
    configuration = {"config": {"Env": ["API_TOKEN=x"]}, "history": [{"created_by": "COPY . ."}] * len(layers)}
    manifest = put(json.dumps({"config": put(json.dumps(configuration).encode()), "layers": described}).encode())
    if nested:
        statement = put(b'{"_type": "statement"}', "in-toto+json")
        attestation = put(json.dumps({"config": put(b"{}"), "layers": [statement]}).encode())
        manifest = put(json.dumps({"manifests": [manifest, attestation]}).encode())
    return {**blobs, "oci-layout": b"{}", "index.json": json.dumps({"manifests": [manifest]}).encode()}


@pytest.mark.parametrize("nested", [False, True], ids=["one platform", "an index of platforms"])
def test_an_oci_layout(tmp_path, nested):
    """Without manifest.json the order and the configuration come from index.json."""
    (tmp_path / "oci.tar").write_bytes(
        tarred(layout([tarred({"a": b""}), gzip.compress(tarred({".env": b""}))], ["tar", "tar+gzip"], nested))
    )
    found = [(finding.origin, finding.name) for finding in scan_image(str(tmp_path / "oci.tar"), {"API_TOKEN"})]
    assert found == [
        (f"{tmp_path}/oci.tar", "API_TOKEN"),
        (f"{tmp_path}/oci.tar, layer 2 of 2 (COPY . .)", "/.env"),
    ]


def test_a_layer_that_looks_like_a_document(saved):
    """A layer is a layer though the name of its first file begins as JSON does."""
    (finding,) = scan_image(saved([{"{": b"", ".env": b""}], ["COPY . ."], "docker 25"))
    assert finding.name == "/.env"


def test_a_hard_link_is_an_env_file_too(tmp_path):
    """A second name of a file in the same layer is looked at."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("app/settings"))
        link = tarfile.TarInfo("app/.env")
        link.type, link.linkname = tarfile.LNKTYPE, "app/settings"
        archive.addfile(link)
    (tmp_path / "oci.tar").write_bytes(tarred(layout([stream.getvalue()])))
    assert [finding.name for finding in scan_image(str(tmp_path / "oci.tar"))] == ["/app/.env"]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python reads it")
def test_a_layer_that_cannot_be_read(tmp_path):
    """An image of which a layer was not seen does not count as clean."""
    (tmp_path / "oci.tar").write_bytes(tarred(layout([b"\x28\xb5\x2f\xfd" + bytes(100)], ["tar+zstd"])))
    with pytest.raises(ImageError, match=r"cannot be looked through: layer 1 of 1 .* is compressed by Zstandard"):
        scan_image(str(tmp_path / "oci.tar"))
    (tmp_path / "oci.tar").write_bytes(tarred(layout([bytes([7]) * 600])))
    with pytest.raises(ImageError, match=r"cannot be looked through: layer 1 of 1 .* is no archive"):
        scan_image(str(tmp_path / "oci.tar"))


MEASURED = """
import resource, sys
from envkit.operations.image_scanning import scan_image

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(scan_image(sys.argv[1])), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_layers(tmp_path):
    """A layer of 40,000 files and one of 200 MB are looked through in a few megabytes more than an empty one."""
    many = io.BytesIO()
    with tarfile.open(fileobj=many, mode="w") as archive:
        for number in range(40_000):
            archive.addfile(tarfile.TarInfo(f"usr/share/of/some/package/file-{number}"))
        archive.addfile(tarfile.TarInfo(".env"))
    path = tmp_path / "image.tar"
    size = 200 * 1024 * 1024
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in (("1/layer.tar", many.getvalue()), ("manifest.json", b"[]")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        large = tarfile.TarInfo("large")
        large.size = size
        outer = tarfile.TarInfo("2/layer.tar")
        outer.size = len(large.tobuf()) + size + 1024
        file.write(outer.tobuf() + large.tobuf())
        file.seek(size + 1024, os.SEEK_CUR)  # a hole: nothing is written for it
        file.write(bytes(-file.tell() % 512 + 1024))
        archive.offset = file.tell()
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", MEASURED, path], env=environ, capture_output=True, check=True)
    found, grown = map(int, done.stdout.split())
    assert found == 1
    assert grown < 24 * 1024  # kB; with every member remembered it was over 40 MB


@pytest.mark.needs("podman")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_what_podman_saves(tmp_path, form):
    """Both of podman's forms: a deleted .env, a key, and what ENV and ARG left."""
    (tmp_path / ".env").write_text("SECRET_KEY=canary\n")
    (tmp_path / "key.pem").write_bytes(KEY)
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch\nARG BUILD_TOKEN=canary\nENV API_TOKEN=canary GREETING=hello\nENV API_TOKEN=\n"
        "COPY .env key.pem /app/\nCOPY Dockerfile /app/.env\n"
    )
    with tempfile.TemporaryDirectory(prefix="envkit-") as state:  # podman allows its path 50 characters
        podman = ["podman", f"--root={state}/root", f"--runroot={state}/run", "--storage-driver=vfs"]
        for command in (
            ["build", "--quiet", "--isolation=chroot", "--layers", "--tag=baked", str(tmp_path)],
            ["save", "--quiet", f"--format={form}", f"--output={tmp_path}/saved.tar", "baked"],
        ):
            subprocess.run([*podman, *command], check=True, capture_output=True)
    findings = scan_image(f"{tmp_path}/saved.tar", {"API_TOKEN", "BUILD_TOKEN", "SECRET_KEY"})
    assert [finding.name for finding in findings] == ["API_TOKEN", "/app/.env", "/app/key.pem", "/app/.env"]
    assert "canary" not in "".join(map(str, findings))
