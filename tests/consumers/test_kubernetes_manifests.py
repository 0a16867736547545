"""Manifests that the kubernetes channels write and read, judged by kubectl's own YAML reader."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from envkit.channels.registry import channel
from tests.channels.strategies import values

pytestmark = pytest.mark.needs("kubectl")
_EFFORT = settings.default.max_examples / 200


def _examples(count: int) -> Any:
    return settings(
        max_examples=max(1, round(count * _EFFORT)),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


def _seen(text: str, folder: Any) -> dict[str, str] | None:
    """The variables of the one resource as the API server would get them, or None where kubectl refuses."""
    path = folder / "manifest.yaml"
    path.write_bytes(text.encode())
    # `label --local` reads a manifest and prints it, without a server.
    command = ["kubectl", "label", "--local", "-f", str(path), "a=b", "-o", "json"]
    done = subprocess.run(
        command, capture_output=True, env={"PATH": os.environ["PATH"], "HOME": str(folder)}, check=False
    )
    if done.returncode:
        return None
    found = json.loads(done.stdout)
    data, plain = found.get("data") or {}, found.get("stringData") or {}
    # kubectl prints numbers and booleans as such; the API server, which knows the types, refuses them.
    if any(value is not None and not isinstance(value, str) for value in (*data.values(), *plain.values())):
        return None
    if found["kind"] == "Secret":
        data = {name: b64decode(value or "").decode() for name, value in data.items()}
    return {name: value or "" for name, value in {**data, **plain}.items()}


@pytest.mark.parametrize("name", ["kubernetes", "configmap"])
def test_every_value_arrives_byte_for_byte(name: str, tmp_path: Any) -> None:
    """2,000 values, 200 to a manifest, reach the API as they were."""

    @_examples(10)
    @given(st.lists(values, min_size=200, max_size=200))
    def arrives(drawn: list[str]) -> None:
        carried = {f"V{number}": value for number, value in enumerate(drawn)}
        assert all(channel(name).refuse(*item) is None for item in carried.items())
        assert _seen(channel(name).write(carried), tmp_path) == carried

    arrives()


@pytest.mark.parametrize("name", ["kubernetes", "configmap"])
def test_every_character_arrives(name: str, tmp_path: Any) -> None:
    """Each character of Unicode but NUL and the surrogates reaches the API, 4,096 to a value."""
    codes = (code for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000)
    # 80 manifests would take long for planes that hold nothing: the first three and the last one.
    kept = (code for code in codes if code < 0x20000 or code > 0x10F000)
    chunks = iter(lambda: "".join(map(chr, itertools.islice(kept, 4096))), "")
    carried = {f"V{number}": chunk for number, chunk in enumerate(chunks)}
    assert _seen(channel(name).write(carried), tmp_path) == carried


_VALUES = st.sampled_from(
    [
        *(
            "plain",
            "two words",
            "a#b",
            "a # c",
            "# c",
            "",
            " ",
            "~",
            "null",
            "yes",
            "no",
            "on",
            "y",
            "true",
            "1",
            "1.5",
        ),
        *("0x1f", "0o7", "017", "1e3", "1_000", ".5", "-", "- a", "-a", "?a", "a: b", "a:", "http://x/y", ".inf", "."),
        *(
            "2001-01-01",
            "12:30:45",
            "=",
            "<<",
            "+1",
            "-0",
            "0b1",
            "1.",
            "_",
            "1_",
            "0.1.2",
            "1e",
            "e1",
            "--",
            "...",
            "é",
        ),
        *(
            '"x"',
            '"a\\nb"',
            '"a\\x41\\u00e9\\U0001F511"',
            '"\\q"',
            '"x" y',
            '"x" # c',
            '"open',
            "'x'",
            "'it''s'",
            "'a' b",
        ),
        *(
            "&a x",
            "*a",
            "!t x",
            "|x",
            ">",
            "%x",
            "@x",
            "`x`",
            "{}",
            "{a: b}",
            "[]",
            "[x",
            "]",
            ",x",
            "'\\n'",
            "\t",
            "x\t",
        ),
        *(
            "|\n    a\n     b\n\n",
            "|-\n    a\n\n    b\n",
            "|+\n    a\n\n",
            "|\n    a\n  \n",
            "|\n",
            "|2\n    a",
            ">-\n    a",
        ),
        *("eA==", '"eA=="', "eA=", "e A==", "4pyT", "////", "YQ== # c"),
    ]
)
_KEYS = st.sampled_from(["A", "B", '"C"', "'D'", "e.f", "g-h", "_x", '"\\x41"', "A ", "1a", "é", "yes", "1", "~"])


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_a_manifest_is_read_as_kubectl_reads_it_or_not_at_all(kind: str, tmp_path: Any) -> None:
    """Of 100 manifests (0.1 s each), those we read give what kubectl sees; what kubectl refuses, we refuse."""
    field = "stringData" if kind == "Secret" else "data"
    name = "kubernetes" if kind == "Secret" else "configmap"

    @_examples(100)
    @given(st.lists(st.tuples(_KEYS, _VALUES), max_size=2), st.sampled_from(["", "# c\n\n", "---\n"]), st.booleans())
    def reads_alike(entries: list[tuple[str, str]], start: str, ended: bool) -> None:
        lines = [f"  {key}: {value}" for key, value in entries]
        text = start + "\n".join(["apiVersion: v1", f"kind: {kind}", "metadata:", "  name: x", f"{field}:", *lines, ""])
        _compare(name, text if ended else text.removesuffix("\n"), tmp_path)

    reads_alike()


def _compare(name: str, text: str, folder: Any) -> None:
    reading = channel(name).read(text)
    seen = _seen(text, folder)
    if reading.fatal:
        assert reading.findings
        return
    # A key that is no variable's name is a finding; kubectl leaves it to the API server.
    assert seen is not None, f"{text!r}"
    assert reading.values() == {key: value for key, value in seen.items() if not _left_out(key)}, f"{text!r}"


def _left_out(key: str) -> bool:
    from envkit.channels.kubectl import NAMES

    return NAMES.refuse(key) is not None
