"""Stand-ins: what each piece of personal data in a text becomes, in the shape that it has there."""

import re
from collections.abc import Callable, Iterator

from etna_pipelines.anonymise.pseudonyms import codes
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.scrub.patterns import Kind
from etna_pipelines.anonymise.values import Values

_ABROAD = re.compile(r"^(?:\+|00)?44\W*0?(?=\W*[1-9])")

Made = Callable[[list[str]], list[str]]


class StandIns:
    """Makes them; the same for what differs in its gaps alone."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._makers: dict[Kind, Made] = {
            "secret": lambda found: self._tokens(found, "hash", 16),
            "email": self._emails,
            "phone": self._phones,
            "national_insurance": lambda found: self._numbers(found, "national_insurance", "ZZ{:.6}A"),
            "health": lambda found: self._numbers(found, "health", "999{}"),  # for tests alone
            "card": lambda found: _filled(codes.cards(pseudonyms, Values.of(found))),
            "account": self._accounts,
            "postcode": self._postcodes,
            "ip": lambda found: _filled(codes.ip_addresses(pseudonyms, Values.of(found))),
        }

    def of(self, kind: Kind, found: list[str]) -> list[str]:
        """For each piece of a kind; of all kinds but base64."""
        return self._makers[kind](found)

    def _emails(self, found: list[str]) -> list[str]:
        return _filled(self._pseudonyms.email(Values.of(found)))

    def _phones(self, found: list[str]) -> list[str]:
        """`+44`, its zero in brackets and every gap stay; the digits are those of the pseudonym."""
        numbers = ["0" + re.sub(r"\D", "", _ABROAD.sub("", phone)).removeprefix("0") for phone in found]
        fakes = _filled(self._pseudonyms.phone(Values.of(numbers)))
        return [_phone_like(phone, fake) for phone, fake in zip(found, fakes, strict=True)]

    def _numbers(self, found: list[str], kind: str, form: str) -> list[str]:
        """Other digits, which begin with a prefix that is never issued."""
        bare = [re.sub(r"\W", "", number).upper() for number in found]
        return [
            _fill(number, form.format(other)) for number, other in zip(found, self._digits(bare, kind), strict=True)
        ]

    def _accounts(self, found: list[str]) -> list[str]:
        """What a column of IBANs makes of the same one, in groups where this is, with the gaps that it has."""
        fakes = _filled(codes.ibans(self._pseudonyms, Values.of([re.sub(r"\W", " ", account) for account in found])))
        gaps = [next(iter(re.findall(r"\W", account)), "") for account in found]
        return [fake.replace(" ", gap) for fake, gap in zip(fakes, gaps, strict=True)]

    def _postcodes(self, found: list[str]) -> list[str]:
        """What a column of postcodes makes of the same one, with the gap that this has."""
        fakes = _filled(codes.postcodes(self._pseudonyms, Values.of(found)))
        gaps = [re.sub(r"[0-9A-Za-z]", "", postcode) for postcode in found]
        made = [fake.replace(" ", gap) for fake, gap in zip(fakes, gaps, strict=True)]
        return [fake.lower() if code.islower() else fake for fake, code in zip(made, found, strict=True)]

    def _tokens(self, found: list[str], kind: str, digits: int) -> list[str]:
        return _filled(self._pseudonyms.token(Values.of(found), kind, digits))

    def _digits(self, found: list[str], kind: str) -> list[str]:
        """40 digits for each."""
        tokens = self._tokens(found, kind, 40)
        return ["".join(str(int(digit, 16) % 10) for digit in token) for token in tokens]


def _filled(values: Values) -> list[str]:
    return [value or "" for value in values.to_list()]


def _phone_like(phone: str, fake: str) -> str:
    begin = match.end() if (match := _ABROAD.match(phone)) else 0
    digits = re.sub(r"\D", "", fake)
    return phone[:begin] + _fill(phone[begin:], digits[1:] if begin else digits, whole=True)


def _fill(shape: str, fake: str, *, whole: bool = False) -> str:
    """The letters and digits of `fake` poured into the shape of the original; what is too many, behind it."""
    source: Iterator[str] = iter(fake)
    filled = re.sub(r"\w", lambda _: next(source, ""), shape)
    return filled + "".join(source) if whole else filled
