import pytest

from etna_pipelines.anonymise.scrub.json_place import is_key, is_keyword, is_number


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('{"wren": 1}', (True, True)),
        ('{"type" : "wren"}', (False, True)),
        ('{"a": "Wren"} wren', (False, False)),
        ('["see wren"]', (False, False)),
    ],
)
def test_keys_and_keywords(text: str, places: tuple[bool, bool]) -> None:
    start = text.lower().index("wren")
    span = (text.encode(), start, start + 4)
    assert (is_key(*span), is_keyword(*span)) == places


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"a": 9111}', True),
        ('\0{"say "x"": [true, 9111]}', True),
        ('{"a": "9111"}', False),
        ('{"a": "tel: 9111, now"}', False),
        ("{9111,9112}", False),  # an array of PostgreSQL's
        ("9111", False),
        ("[1.09111]", True),
    ],
)
def test_numbers_of_json(text: str, is_one: bool) -> None:
    assert is_number(text.encode(), text.index("9111") - (text == "[1.09111]")) is is_one
