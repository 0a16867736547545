"""`envkit check --image`: the layers of an image instead of the project."""

from __future__ import annotations

import io
import json
import tarfile


def _archive(path, name, env=()):
    """An archive as docker save writes it, of one layer with one file, and with these variables."""

    def tarred(files):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for file, content in files.items():
                member = tarfile.TarInfo(file)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return stream.getvalue()

    manifest = json.dumps([{"Config": "c.json", "Layers": ["l/layer.tar"]}]).encode()
    settings = json.dumps({"config": {"Env": env}, "history": [{"created_by": "COPY . ."}]}).encode()
    layer = tarred({name: b"API_TOKEN=canary\n"})
    path.write_bytes(tarred({"l/layer.tar": layer, "c.json": settings, "manifest.json": manifest}))
    return str(path)


def test_a_baked_env_file_is_a_problem(tmp_path, envkit):
    """It exits 1 with a line that names layer and path; as JSON, too."""
    path = _archive(tmp_path / "image.tar", "app/.env")
    result = envkit("check", "--image", path)
    assert (result.code, result.out) == (1, f"{path}: 1 problem found\n")
    assert result.err == (
        f"{path}, layer 1 of 1 (COPY . .): /app/.env: an env file (it sets API_TOKEN) is in the image, for everyone "
        "who can pull it. add **/.env to .dockerignore, build again, and replace the secrets: no later layer takes "
        "them out\n"
    )
    shown = envkit("check", "--image", path, "--json")
    assert json.loads(shown.out)["findings"][0]["name"] == "/app/.env"
    assert "canary" not in shown.out + result.err


def test_an_image_without_secrets_is_fine(tmp_path, envkit):
    """It exits 0, whatever the project's own settings are."""
    path = _archive(tmp_path / "image.tar", "app/.env.example")
    assert envkit("check", "--image", path) == (0, f"{path}: no problem found\n", "")


def test_the_secrets_of_the_settings_class(tmp_path, envkit):
    """Those of the description's class are looked for in the image's variables, or those of another one."""
    path = _archive(tmp_path / "image.tar", "app/main.py", ["API_TOKEN=canary", "GREETING=hello"])
    words = "the value of a secret setting is in the image, for everyone who can pull it, by ENV"
    for options in ((), ("--settings", "shop_settings:ShopSettings"), ("--file", "envkit.toml")):
        result = envkit("check", "--image", path, *options)
        assert result.code == 1
        assert result.err.startswith(f"{path}: API_TOKEN: {words}")


def test_without_the_settings_class(tmp_path, envkit):
    """Where the class cannot be imported, or the description is wrong, that is a warning; without one it is nothing."""
    path = _archive(tmp_path / "image.tar", "app/main.py", ["API_TOKEN=canary"])
    result = envkit("check", "--image", path, "--settings", "no_such_module:ShopSettings")
    assert (result.code, "warning: " in result.err, "no_such_module" in result.err) == (0, True, True)
    (tmp_path / "envkit.toml").write_text("name = 1\n")
    assert envkit("check", "--image", path).code == 0
    (tmp_path / "envkit.toml").unlink()
    assert envkit("check", "--image", path) == (0, f"{path}: no problem found\n", "")


def test_wrong_calls(tmp_path, envkit):
    """What is no image, and options that are not about it, exit 2."""
    (tmp_path / "x.tar").write_bytes(b"no tar" * 1000)
    assert envkit("check", "--image", str(tmp_path / "x.tar")).code == 2
    asked = envkit("check", "--image", str(tmp_path / "x.tar"), "--json")
    assert (asked.code, asked.err, json.loads(asked.out)["ok"]) == (2, "", False)
    assert envkit("check", "--image", "x", "--env-file", "a").code == 2
