from collections.abc import Callable
from ipaddress import ip_address, ip_interface, ip_network
from uuid import UUID

import pytest

from etna_pipelines.anonymise.pseudonyms import codes
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.scrub.patterns import luhn
from etna_pipelines.anonymise.values import Values

Maker = Callable[[Pseudonyms, Values], Values]
NETS = [ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]


def made(pseudonyms: Pseudonyms, make: Maker, *values: str) -> list[str]:
    return [str(value) for value in make(pseudonyms, Values.of(values)).to_list()]


def test_addresses_are_for_documentation_and_keep_their_family(pseudonyms: Pseudonyms) -> None:
    originals = ["8.8.8.8", "10.1.2.3/16", "2a00:1450::1", "2a00::1/32", *(f"10.0.0.{host}" for host in range(99))]
    for original, fake in zip(originals, made(pseudonyms, codes.ip_addresses, *originals), strict=True):
        assert any(
            ip_address(fake.partition("/")[0]) in net for net in NETS if net.version == ip_interface(fake).version
        )
        assert ip_interface(fake).version == ip_interface(original).version
        assert fake.partition("/")[2] == original.partition("/")[2]


def test_a_network_is_one(pseudonyms: Pseudonyms) -> None:
    fakes = made(pseudonyms, codes.networks, "10.0.0.0/8", "8.8.8.8/32", "2a00::/32")
    assert [ip_network(fake).prefixlen for fake in fakes] == [8, 32, 32]


def test_a_mac_address_is_locally_administered(pseudonyms: Pseudonyms) -> None:
    [fake] = made(pseudonyms, codes.mac_addresses, "08:00:2b:01:02:03")
    assert fake.startswith("02:")
    assert len(bytes.fromhex(fake.replace(":", ""))) == 6


def test_a_uuid_says_that_it_is_random(pseudonyms: Pseudonyms) -> None:
    [fake] = made(pseudonyms, codes.uuids, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    assert (UUID(fake).version, UUID(fake).variant, str(UUID(fake))) == (4, "specified in RFC 4122", fake)


@pytest.mark.parametrize(
    "card", ["4111111111111111", "4111 1111 1111 1111", "3782-822463-10005", "6304000000000000000"]
)
def test_a_card_passes_luhns_check_and_is_no_banks(pseudonyms: Pseudonyms, card: str) -> None:
    [fake] = made(pseudonyms, codes.cards, card)
    digits = "".join(filter(str.isdigit, fake))
    assert digits.startswith("999999")
    assert luhn(digits)
    assert [not character.isdigit() for character in fake] == [not character.isdigit() for character in card]


def test_one_card_is_one_however_it_is_written(pseudonyms: Pseudonyms) -> None:
    spaced, joined = made(pseudonyms, codes.cards, "4111 1111 1111 1111", "4111111111111111")
    assert spaced.replace(" ", "") == joined


def test_an_iban_has_right_check_digits_and_no_country(pseudonyms: Pseudonyms) -> None:
    for fake in made(pseudonyms, codes.ibans, "GB82 WEST 1234 5698 7654 32", "de89370400440532013000"):
        plain = fake.replace(" ", "")
        assert plain.startswith("ZZ")
        assert len(plain) == 22
        assert int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def test_urls_and_domains_are_nobodys(pseudonyms: Pseudonyms) -> None:
    assert made(pseudonyms, codes.urls, "https://x.org/ann")[0].startswith("https://example.com/")
    assert made(pseudonyms, codes.domains, "x.org")[0].endswith(".example.com")


@pytest.mark.parametrize(
    "make", [codes.ip_addresses, codes.mac_addresses, codes.uuids, codes.cards, codes.ibans, codes.urls, codes.domains]
)
def test_no_values_make_none(pseudonyms: Pseudonyms, make: Maker) -> None:
    assert made(pseudonyms, make) == []
