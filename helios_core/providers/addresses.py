"""Which addresses may be asked at all.

Model servers stand on this machine and in its network, so private addresses are what an operator wants. What is never
meant is a link-local address: there the cloud's metadata service hands out the machine's own credentials to whoever
asks, and a request to it from here would carry them into an answer.
"""

import ipaddress
import re
from urllib.parse import urlsplit

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA = frozenset(ipaddress.ip_address(known) for known in ("100.100.100.200", "fd00:ec2::254"))
"""Metadata services that are not link-local: Alibaba's, and Amazon's by IPv6."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are an IPv4 address."""

NUMBERS = re.compile(r"\d+(\.\d+)+")
"""Hosts that some resolvers take for an address though they are none, such as 169.16689662."""


def malformed(address: str) -> str | None:
    """What is wrong with a base address as somebody typed it, in a sentence; None where nothing is."""
    if not address.isascii() or not address.isprintable() or " " in address:
        return "An address has letters, digits and signs of ASCII only."
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        return "An address begins with http:// or https:// and names a host, such as http://127.0.0.1:11434."
    if NUMBERS.fullmatch(parts.hostname or "") and not _is_ipv4(parts.hostname or ""):
        return f"{parts.hostname} is no address of IPv4; write four numbers up to 255, without zeros before them."
    if "@" in parts.netloc or "\\" in address:
        return "Keep keys out of the address; give the key in its own field."
    if "?" in address or "#" in address:
        return "An address ends with its path, without ? and #."
    return None


def forbidden(ip: Ip, allows_link_local: bool) -> str | None:
    """Why nothing is asked at `ip`, in a sentence; None where it may be."""
    actual = embedded(ip)
    if actual.is_multicast or actual.is_unspecified:
        return f"{ip} is no address of a server."
    if allows_link_local or not (actual.is_link_local or actual in METADATA):
        return None
    return (
        f"{ip} is link-local, where a cloud hands out the machine's own credentials; "
        "an operator may allow it for this endpoint in Settings."
    )


def embedded(ip: Ip) -> Ip:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
