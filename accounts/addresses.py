"""From which address a request comes, as something that can be counted. Knows no Django."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# What stands in for an address where there is none: behind a unix socket, or if a proxy says nonsense. They share it.
UNKNOWN = "unknown"
# A household has a /64 of IPv6, and may take a new address from it with each request.
IPV6_PREFIX = 64

WITH_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[0-9A-Fa-f:.%a-z]+)\](:[0-9]+)?")


def client_address(meta: Mapping[str, str], trusted_proxies: int) -> str:
    """The client's IPv4 address or IPv6 network; UNKNOWN if it cannot be told.

    Each proxy of ours has added the address it was called from to the right of X-Forwarded-For. What stands further
    left was written by the client, who may write anything.
    """
    if not trusted_proxies:
        return normalised(meta.get("REMOTE_ADDR", ""))
    forwarded = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(forwarded) < trusted_proxies:
        # Somebody has come past a proxy.
        return normalised(meta.get("REMOTE_ADDR", ""))
    return normalised(forwarded[-trusted_proxies])


@lru_cache(maxsize=256)
def normalised(text: str) -> str:
    """Without port and zone; IPv4 in IPv6's clothes as IPv4; of IPv6 the network."""
    text = text.strip()
    if match := WITH_PORT.fullmatch(text):
        text = match["v4"] or match["v6"]
    try:
        address = _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, IPV6_PREFIX), strict=False))


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """On a socket for both, every IPv4 client has an address like ::ffff:192.0.2.1; as IPv6 all share one network."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
