"""Arbitrary text in every string of the description reaches Python's parser as that text and as nothing else."""

from __future__ import annotations

import ast
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from envkit.deployment.model import Deployment, Http, Logs, Process
from envkit.targets.gunicorn import render

TEXT = st.text(st.characters() | st.sampled_from("'\"\\\n\r\t#{}%$\u2028\x85\0"), max_size=40)


def assignments(deployment):
    """The statements of the rendered file, and the values by the names they are assigned to."""
    body = ast.parse(render(deployment).artifacts[0].text).body
    return body, {node.targets[0].id: node.value for node in body if isinstance(node, ast.Assign)}


def shape(body):
    """The tree with every constant blanked, so that two files differ only where their statements do."""
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.Constant):
            node.value = 0
    return [ast.dump(node) for node in body]


@given(name=TEXT, app=TEXT, health=TEXT, user=TEXT.filter(bool), group=TEXT.filter(bool), level=TEXT)
def test_strings(name, app, health, user, group, level):
    """The parser sees exactly the texts given, and not one statement more."""
    plain = Deployment(
        name="shop",
        app="shop:app",
        http=Http(upstream="127.0.0.1:8000"),
        processes={"web": Process(user="user", group="group")},
        logs=Logs(access="app"),
    )
    odd = replace(
        plain,
        name=name,
        app=app,
        http=replace(plain.http, health_path=health),
        processes={"web": Process(user=user, group=group)},
        logs=replace(plain.logs, level=level),
    )
    body, values = assignments(odd)
    assert values["proc_name"].value == name
    assert values["wsgi_app"].value == app
    assert values["loglevel"].value == level
    constants = [node.value for node in ast.walk(ast.Module(body, [])) if isinstance(node, ast.Constant)]
    assert {health, user, group} <= set(constants)
    assert shape(body) == shape(assignments(plain)[0])
