"""Lint's remarks as JSON, as SARIF 2.1.0 and as annotations of GitHub Actions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from envkit import __version__
from envkit.channels.lint_rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envkit.channels.linting import Remark
    from envkit.operations.linting import Report


def as_json(report: Report) -> dict[str, Any]:
    """Every remark with its path and line, and what was rewritten."""
    return {
        "ok": not any(remark.finding.severity == "error" for remark in report.remarks),
        "fixed": {path: list(lines) for path, lines in report.fixed.items()},
        "findings": [
            {
                "path": remark.path,
                "line": remark.line,
                "name": remark.finding.name,
                "rule": remark.finding.rule,
                "severity": remark.finding.severity,
                "problem": remark.finding.problem,
                "hint": remark.finding.hint,
            }
            for remark in report.remarks
        ],
    }


def as_sarif(report: Report) -> dict[str, Any]:
    """A log of one run (OASIS SARIF 2.1.0), as GitHub code scanning and editors take it."""
    rules = sorted({remark.finding.rule for remark in report.remarks})
    return {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "envkit lint",
                        "semanticVersion": __version__,
                        "rules": [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(remark, rules.index(remark.finding.rule)) for remark in report.remarks],
            }
        ],
    }


def _result(remark: Remark, rule: int) -> dict[str, Any]:
    from urllib.parse import quote

    place: dict[str, Any] = {"artifactLocation": {"uri": quote(os.fsencode(remark.path))}}
    if remark.line:
        place["region"] = {"startLine": remark.line}
    return {
        "ruleId": remark.finding.rule,
        "ruleIndex": rule,
        "level": remark.finding.severity,
        "message": {"text": _message(remark)},
        "locations": [{"physicalLocation": place}],
    }


def as_annotations(remarks: Iterable[Remark]) -> str:
    """One workflow command a remark, escaped as the runner decodes it (actions/toolkit, command.ts)."""
    return "".join(
        f"::{remark.finding.severity} file={_property(remark.path)}"
        f"{f',line={remark.line}' if remark.line else ''},title={_property(f'envkit lint: {remark.finding.rule}')}"
        f"::{_data(_message(remark))}\n"
        for remark in remarks
    )


def _message(remark: Remark) -> str:
    return _text(str(remark.finding._replace(origin="")))


def _text(name: str) -> str:
    """What can be printed: bytes of a file's name that are no UTF-8 are shown as �."""
    return os.fsencode(name).decode(errors="replace")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(_text(text)).replace(":", "%3A").replace(",", "%2C")
