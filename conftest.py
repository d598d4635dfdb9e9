"""What holds for every test: no network, the same examples from hypothesis wherever CI runs, an empty audit log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest
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


@pytest.fixture(scope="session", autouse=True)
def audit_log_is_emptied_between_tests() -> Iterator[None]:
    """The database refuses to empty the audit log (accounts/migrations/0005_auditentry.py), and tests need it empty.

    Where they commit, all tables are flushed after each; for that moment, in one transaction, it is let go of.
    """
    from django.db import transaction
    from django.db.backends.base.operations import BaseDatabaseOperations

    triggers = import_module("accounts.migrations.0005_auditentry")
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_all(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        vendor = self.connection.vendor
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            for statement in triggers.RELEASE[vendor]:
                cursor.execute(statement)
            flush(self, sql_list)
            for statement in triggers.KEEP[vendor]:
                cursor.execute(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_all)
        yield
