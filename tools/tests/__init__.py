# SPDX-License-Identifier: MIT
"""Tests of the host tools: `make test` runs them, or
`python3 -m unittest discover -s tools/tests -t tools`."""
