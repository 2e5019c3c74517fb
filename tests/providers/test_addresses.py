"""Which addresses may be asked, however they are written."""

import ipaddress

import pytest

from helios_core.providers.addresses import forbidden, malformed

METADATA = (
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "fe80::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
)
SERVERS = ("127.0.0.1", "10.1.2.3", "192.168.1.20", "::1", "fd12:3456::1", "172.66.0.243", "64:ff9b::808:808")
NEVER = ("0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0")


@pytest.mark.parametrize("ip", METADATA)
def test_metadata_services_are_let_through_only_where_an_operator_says_so(ip: str) -> None:
    assert "link-local" in (forbidden(ipaddress.ip_address(ip), allows_link_local=False) or "")
    assert forbidden(ipaddress.ip_address(ip), allows_link_local=True) is None


@pytest.mark.parametrize("ip", SERVERS)
def test_this_machine_its_network_and_the_internet_are_asked(ip: str) -> None:
    assert forbidden(ipaddress.ip_address(ip), allows_link_local=False) is None


@pytest.mark.parametrize("ip", NEVER)
def test_what_is_no_server_is_never_asked(ip: str) -> None:
    assert forbidden(ipaddress.ip_address(ip), allows_link_local=True) is not None


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:11434",
        "https://api.openai.com/v1",
        "http://[::1]:8000/v1",
        "https://models.example:8443/a/b",
    ],
)
def test_addresses_of_servers_are_taken(address: str) -> None:
    assert malformed(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:11434",
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "ftp://127.0.0.1",
        "http://",
        "http:///v1",
        "http://host:99999",
        "http://0251.0376.0251.0376",
        "http://169.16689662",
        "http://host:0",
        "http://host:port",
        "http://user:secret@host",
        "http://user@host",
        "http://host/?key=1",
        "http://host/#part",
        "http://host/v1?",
        "http://host /",
        "http://host\n/",
        "http://ho。st",
        "http://[::1",
        "http://127.0.0.1\\@169.254.169.254",
    ],
)
def test_what_is_no_base_address_is_refused_with_a_sentence(address: str) -> None:
    assert (malformed(address) or "").endswith(".")
