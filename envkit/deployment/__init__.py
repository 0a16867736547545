"""The description `envkit.toml`: its model, how it is read and checked, and the numbers derived from it.

Imports nothing of the rest of envkit but the shape of a finding.
"""
