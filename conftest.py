"""What holds for every test: no network, and the same examples from hypothesis wherever CI runs."""

from __future__ import annotations

import os
import sys

from hypothesis import HealthCheck, settings

# CI tries the same examples every time, so that red means changed; people at work try new ones.
# No deadlines: a slow moment of a shared machine is no fault of the code.
settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class NetworkBlocked(RuntimeError):
    """A test tried to leave this machine."""


def block_network(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: sees every connection that Python's sockets make, whoever makes it. libpq's are not Python's."""
    if event == "socket.connect":
        address = arguments[1]
        # An address of a unix socket is a path.
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise NetworkBlocked(f"A test tried to connect to {address[0]}.")
    elif event == "socket.getaddrinfo" and arguments[0] is not None:
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        if host and host not in LOOPBACK:
            raise NetworkBlocked(f"A test tried to look up {host}.")


sys.addaudithook(block_network)
