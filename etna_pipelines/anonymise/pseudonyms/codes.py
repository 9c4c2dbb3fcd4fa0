"""Numbers and addresses of machines, banks and pages that are right in form and belong to nobody.

All are pure functions of the key and the value; of cards, IBANs and postcodes without regard to case and to what
divides their parts.
"""

import re
from collections.abc import Callable
from ipaddress import ip_network

import numpy as np
import numpy.typing as npt
import polars as pl

from etna_pipelines.anonymise.pseudonyms.pseudonyms import EMAIL_DOMAIN, Pseudonyms
from etna_pipelines.anonymise.values import Values

_TEST_NETS = ["192.0.2.", "198.51.100.", "203.0.113."]  # RFC 5737
_TEST_NET_6 = "2001:db8::"  # RFC 3849
NOBODYS_CARDS = "999999"  # ISO/IEC 7812: 9 is for national use, and no country has given out this one
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # the sum of the digits of twice a digit
_DIGIT, _NO_DIGIT = re.compile(r"[0-9]"), re.compile(r"[^0-9]")
_NOBODYS_BANKS = "ZZ"  # ISO 3166: for private use, so no bank's country


def ip_addresses(pseudonyms: Pseudonyms, values: Values) -> Values:
    """Addresses for documentation, of the original's family and with its `/24` where it had one."""
    parts = values.series().str.splitn("/", 2).struct.unnest()
    numbers = pseudonyms.numbers(Values.of(parts["field_0"]), "ip")
    nets = pl.Series(_TEST_NETS).gather(numbers % np.uint64(3))
    hosts = pl.Series(numbers // np.uint64(3) % np.uint64(254) + np.uint64(1)).cast(pl.String)
    groups = _grouped(pseudonyms.token(Values.of(parts["field_0"]), "ip", 16).series(), (4, 4, 4, 4), ":")
    address = (
        pl.when(parts["field_0"].str.contains(":", literal=True)).then(_TEST_NET_6 + groups).otherwise(nets + hosts)
    )
    network = pl.concat_str(pl.lit("/"), parts["field_1"]).fill_null("")
    return Values.of(pl.select(address + network).to_series())


def networks(pseudonyms: Pseudonyms, values: Values) -> Values:
    """Like `ip_addresses`, with nothing behind the network's bits, as `cidr` wants it. Takes no NULL."""
    addresses = ip_addresses(pseudonyms, values).to_list()
    return Values.of(str(ip_network(address or "", strict=False)) for address in addresses)


def mac_addresses(pseudonyms: Pseudonyms, values: Values) -> Values:
    """Locally administered addresses (IEEE 802), which no maker gives to a device: `02:1f:2e:3d:4c:5b`."""
    return Values.of("02:" + _grouped(pseudonyms.token(values, "mac", 10).series(), (2, 2, 2, 2, 2), ":"))


def uuids(pseudonyms: Pseudonyms, values: Values) -> Values:
    """UUIDs in the form of version 4 (RFC 9562) with 120 keyed bits: unique where the originals are."""
    digits = pseudonyms.token(values, "uuid", 30).series()
    marked = digits.str.slice(0, 12) + "4" + digits.str.slice(12, 3) + "a" + digits.str.slice(15)
    return Values.of(_grouped(marked, (8, 4, 4, 4, 12), "-"))


def domains(pseudonyms: Pseudonyms, values: Values) -> Values:
    """`<token>.example.com`: unique where the originals are."""
    return Values.of(pseudonyms.token(values, "domain").series() + f".{EMAIL_DOMAIN}")


def urls(pseudonyms: Pseudonyms, values: Values) -> Values:
    """`https://example.com/<token>`: unique where the originals are."""
    return pseudonyms.token(values, "url", begin=f"https://{EMAIL_DOMAIN}/")


def postcodes(pseudonyms: Pseudonyms, values: Values) -> Values:
    """Postcodes of the locale."""
    return pseudonyms.fake(_plain(values), "postcode")


def cards(pseudonyms: Pseudonyms, values: Values) -> Values:
    """Card numbers that pass Luhn's check, with the original's number of digits (if 13 to 19) and in its grouping."""

    def card(original: str, number: int) -> str:
        digits = len(_NO_DIGIT.sub("", original))
        length = digits if 13 <= digits <= 19 else 16
        return _poured(original, _luhn(NOBODYS_CARDS + f"{number:020}"[7 - length :]))

    return _each(values, pseudonyms.numbers(_plain(values), "card"), card)


def ibans(pseudonyms: Pseudonyms, values: Values) -> Values:
    """IBANs of no country: 22 characters, right check digits (ISO 13616), and spaces where the original had any."""

    def iban(original: str, number: int) -> str:
        account = f"{number:020}"[2:]
        check = 98 - int(account + "3535" + "00") % 97  # Z is 35
        whole = f"{_NOBODYS_BANKS}{check:02}{account}"
        return " ".join(whole[start : start + 4] for start in range(0, 22, 4)) if " " in original.strip() else whole

    return _each(values, pseudonyms.numbers(_plain(values), "iban"), iban)


def _each(values: Values, numbers: npt.NDArray[np.uint64], make: Callable[[str, int], str]) -> Values:
    pairs = zip(values.to_list(), numbers.tolist(), strict=True)
    return Values.of([None if text is None else make(text, number) for text, number in pairs])


def _luhn(digits: str) -> str:
    """The digits with the one behind them that makes a card number (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-2::-2])) + sum(_DOUBLED[int(digit)] for digit in digits[-1::-2])
    return f"{digits}{-total % 10}"


def _poured(shape: str, digits: str) -> str:
    """Digits in the places of the original's, where it has as many."""
    if len(shape) == len(digits) or len(_NO_DIGIT.sub("", shape)) != len(digits):
        return digits
    source = iter(digits)
    return _DIGIT.sub(lambda _: next(source), shape)


def _grouped(digits: pl.Series, lengths: tuple[int, ...], sign: str) -> pl.Series:
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    groups = [digits.str.slice(start, length) for start, length in zip(starts, lengths, strict=True)]
    return pl.select(pl.concat_str(groups, separator=sign)).to_series()


def _plain(values: Values) -> Values:
    return Values.of(values.series().str.to_lowercase().str.replace_all(r"[^\p{Alphabetic}\p{Nd}]", ""))
