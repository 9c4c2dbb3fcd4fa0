"""Keys as `age-keygen` and pyrage print them."""

import pyrage
import pytest

from etna_pipelines.stores.age_keys import Identity, Recipient

# Of the format's own description.
SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
PUBLIC = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


def test_an_identity_has_its_recipient() -> None:
    assert Identity.parse(SECRET).key == b"B" * 32
    assert Identity.parse(SECRET).recipient == Recipient.parse(PUBLIC)


def test_others_make_the_same_of_theirs() -> None:
    for theirs in [pyrage.x25519.Identity.generate() for _ in range(50)]:
        assert Identity.parse(str(theirs)).recipient == Recipient.parse(str(theirs.to_public()))


def test_an_identity_is_not_shown() -> None:
    assert repr(Identity.parse(SECRET)) == "Identity()"


@pytest.mark.parametrize("parse", [Recipient.parse, Identity.parse])
def test_one_wrong_letter_is_noticed_wherever_it_stands(parse: type) -> None:
    text, other = (PUBLIC, "qp") if parse == Recipient.parse else (SECRET, "QP")
    for at in range(len(text)):
        for letter in {*other, "1", "b", " ", "é"} - {text[at]}:
            with pytest.raises(ValueError, match=r"^(is mistyped or cut off|does not begin with `\S+`)$"):
                parse(text[:at] + letter + text[at + 1 :])
        with pytest.raises(ValueError, match=r"^(is mistyped|does not begin)"):
            parse(text[:at])


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (Recipient.parse, PUBLIC.upper()),
        (Recipient.parse, SECRET),
        (Identity.parse, SECRET.lower()),
        (Identity.parse, PUBLIC),
        (Recipient.parse, "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"),
        (Recipient.parse, "age1pq1x34nzsvr0rxjsgdn8zgyhfe8j7ceq5r9rdelkjuh3y235jzxshfg87pzf5z"),
    ],
)
def test_keys_of_another_kind_are_told(parse: type, text: str) -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqar9jk6",
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqzhlqeg",
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqpfwgqrs",
    ],
    ids=["31 bytes", "33 bytes", "bits behind the 32nd byte"],
)
def test_a_key_has_32_bytes(text: str) -> None:
    """The checksums are right."""
    with pytest.raises(ValueError, match="is not a key of 32 bytes"):
        Recipient.parse(text)
