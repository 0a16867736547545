"""Announces what was forgotten, and ends: for whoever keeps the time."""

from __future__ import annotations

from .jobs import announce_all

if __name__ == "__main__":
    announce_all()
