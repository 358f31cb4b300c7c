"""What a person types becomes one form, or a sentence."""

import pytest
from django.core.exceptions import ValidationError

from servers.endpoints import host_and_port, parse_endpoints


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("pve1", "https://pve1:8006"),
        ("pve1.example.org:8006", "https://pve1.example.org:8006"),
        ("https://pve1.example.org:8006/", "https://pve1.example.org:8006"),
        ("https://pve1:443", "https://pve1:443"),
        ("https://pve1:8006/api2/json", "https://pve1:8006"),
        ("https://pve1:8006/#v1:0:18:4:::::::", "https://pve1:8006"),
        ("10.0.0.5", "https://10.0.0.5:8006"),
        ("2001:db8::5", "https://[2001:db8::5]:8006"),
        ("[2001:db8::5]:8007", "https://[2001:db8::5]:8007"),
        ("https://[2001:db8::5]/", "https://[2001:db8::5]:8006"),
        ("HTTPS://PVE1:8006", "https://pve1:8006"),
    ],
)
def test_an_address_is_understood_as_people_write_it(typed, kept):
    assert parse_endpoints(typed) == [kept]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("http://pve1:8006", "https only"),
        ("ftp://pve1", "only https"),
        ("https://root:secret@pve1:8006", "Leave user and password out"),
        ("https://pve1:8006/some/page", "leave the path out"),
        ("https://pve_1:8006", "not a host name"),
        ("https://pve1:99999", "no address"),
        ("", "at least one"),
        ({"a": 1}, "one address per line"),
    ],
)
def test_an_address_that_is_none_gets_a_sentence(typed, words):
    with pytest.raises(ValidationError, match=words) as caught:
        parse_endpoints(typed)
    assert "secret" not in str(caught.value)


def test_several_are_kept_in_order_and_once():
    assert parse_endpoints("pve2\npve1, pve2") == ["https://pve2:8006", "https://pve1:8006"]


def test_an_ipv6_address_loses_its_brackets_for_the_socket():
    assert host_and_port("https://[2001:db8::5]:8006") == ("2001:db8::5", 8006)
