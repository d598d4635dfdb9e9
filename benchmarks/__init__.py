"""Reproducible measurements, each against a peer or a limit in the same run. `make bench` prints them as tables."""
