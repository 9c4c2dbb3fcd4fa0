import pytest

from etna_pipelines.anonymise.scrub.dress import dressed


@pytest.mark.parametrize(
    ("raw", "instead", "written"),
    [
        ("jane@b.co", "ann@c.co", "ann@c.co"),
        ("jane%40b.co", "ann@c.co", "ann%40c.co"),
        ("jane%2540b.co", "ann@c.co", "ann%2540c.co"),
        (r"jane\\u0040b.co", "ann@c.co", r"ann\\u0040c.co"),
        ("jane&#64;b.co", "ann@c.co", "ann&#64;c.co"),
        ("O&#x27;Brien", "O'Neill", "O&#x27;Neill"),
        (r"Si\u00e2n", "Zoë 🐑", r"Zo\u00eb \ud83d\udc11"),
        ("Si%C3%A2n", "Zoë Wren", "Zo%C3%AB%20Wren"),
        ("Si&acirc;n", "Zoë", "Zo&#235;"),
        (r"01\/02", "03/04", r"03\/04"),
        ("Siân", "Zoë", "Zoë"),
    ],
)
def test_a_pseudonym_is_written_as_its_original_was(raw: str, instead: str, written: str) -> None:
    assert dressed(raw.encode(), instead, raw.encode(), 0).decode() == written


@pytest.mark.parametrize(
    ("before", "written"), [("<a title='", "O&#39;Neill"), ("<a>", "O'Neill"), ("1 < 2 > ", "O'Neill")]
)
def test_an_apostrophe_is_encoded_in_a_tag(before: str, written: str) -> None:
    assert dressed(b"Wren", "O'Neill", before.encode() + b"Wren", len(before)).decode() == written
