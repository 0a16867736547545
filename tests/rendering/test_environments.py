"""Jinja environments: what is quoted, what is not, and what is refused."""

from __future__ import annotations

import jinja2
import pytest

from envkit import __version__
from envkit.rendering.environments import environment, header
from envkit.rendering.quoting import CannotQuote, Fragment


@pytest.fixture
def render(tmp_path):
    """Renders a template's text in the environment of a language."""

    def run(language, template, **values):
        (tmp_path / "part.j2").write_text("part {{ value }};\n")
        return environment(language, tmp_path).from_string(template).render(values)

    return run


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("nginx", 'x "a b;\\"";'),
        ("python", "x 'a b;\"';"),
        ("yaml", 'x "a b;\\"";'),
        ("compose", 'x "a b;\\"";'),
        ("github", 'x "a b;\\"";'),
        ("toml", 'x "a b;\\"";'),
        ("shell", "x 'a b;\"';"),
    ],
)
def test_quoted_by_default(render, language, expected):
    """Every expression is quoted for the language, also one that joins texts."""
    assert render(language, "x {{ value }};", value='a b;"') == expected
    assert render(language, "x {{ 'a ' ~ value }};", value='b;"') == expected


def test_fragment(render):
    """A fragment is written as it stands, and loses that right when it is joined with text."""
    assert render("nginx", "{{ value }}", value=Fragment("a b;")) == "a b;"
    assert render("nginx", "{{ value ~ text }}", value=Fragment("a b;"), text="}") == '"a b;}"'
    assert render("nginx", "{{ value|upper }}", value=Fragment("a b;")) == '"A B;"'


def test_include(render):
    """The text of an included template is a template's text; its expressions are quoted once."""
    assert render("nginx", "{% include 'part.j2' %}", value="a b") == 'part "a b";\n'


def test_constant(render):
    """A constant in an expression is quoted like any other."""
    assert render("nginx", "{{ 'a b' }}") == '"a b"'


def test_macro(render):
    """A macro's result is text like any other, so that no template can smuggle unquoted text through one."""
    assert render("nginx", "{% macro m() %}a b;{% endmacro %}{{ m() }}") == '"a b;"'


def test_undefined(render):
    """A name that nobody gave is an error, not an empty text."""
    with pytest.raises(jinja2.UndefinedError):
        render("nginx", "{{ nobody }}")


def test_refusal_holds_no_value(render):
    """The error for a value says what the language cannot hold, and not the value."""
    with pytest.raises(CannotQuote) as caught:
        render("nginx", "{{ value }}", value="canary-$HOME")
    assert str(caught.value) == "nginx cannot hold a dollar sign, which begins a variable and has no escape"


def test_filters(render):
    """The languages whose values depend on their place have filters for them."""
    assert render("nginx", "{{ 0.5|duration }} {{ 8192|size }}") == "500ms 8k"
    assert render("systemd", "{{ a|line }} {{ b|word }} {{ c|command }}", a="5 %", b="5 %", c=["true", "$X"]) == (
        '5 %% "5 %%" true "$$X"'
    )


def test_header():
    """The header says what made the file, from what, and how to remake it."""
    assert header("envkit render nginx", "envkit.toml", prefix="; ") == (
        f"; Made by envkit {__version__} from envkit.toml. Changes made here are lost:\n"
        "; change envkit.toml, then run `envkit render nginx`."
    )
