import pytest

from etna_pipelines.anonymise.scrub.plain import Plain
from etna_pipelines.anonymise.scrub.windows import Looks, windows
from etna_pipelines.anonymise.values import Values


def seen(text: str) -> list[tuple[str, str]]:
    """What each window of a text looks like, and the window."""
    buffer = Plain.of(Values.of([text])).buffer
    found = windows(buffer)
    return [
        (Looks(int(looks)).name.removeprefix("LIKE_"), buffer[start:end].tobytes().decode().strip("\0"))
        for start, end, looks in zip(found.starts, found.ends, found.looks, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("to <ann.lee+x@b.co.uk>, now", ("EMAIL", "ann.lee+x@b.co.uk")),
        ("+44 (0)7911 123 456", ("NUMBER", "+44 (0)7911 123 456")),
        ("NHS no. 9434765919", ("HEALTH_NUMBER", "9434765919")),
        ("AB 12 34 56 C.", ("INSURANCE", "AB 12 34 56 C")),
        ("to GB29 NWBK 6016 1331 9268 19", ("ACCOUNT", "GB29 NWBK 6016 1331 9268 19")),
        ("81.2.69.142:443", ("ADDRESS", "81.2.69.142")),
        ("[2001:470:1f0b::1]", ("ADDRESS", "2001:470:1f0b::1")),
        ("?token=abcd", ("SECRET", "token=abcd")),
        ("SmFuZSBGZWF0aGVyc3RvbmU=", ("BASE64", "SmFuZSBGZWF0aGVyc3RvbmU=")),
        ("/unsubscribe/amFuZUBiaWdjb3JwLmNvbQ", ("BASE64", "amFuZUBiaWdjb3JwLmNvbQ")),
        ("AKIAIOSFODNN7EXAMPLE", ("KEY", "AKIAIOSFODNN7EXAMPLE")),
    ],
)
def test_what_is_worth_a_look_is_seen(text: str, window: tuple[str, str]) -> None:
    assert seen(text) == [window]


@pytest.mark.parametrize(
    "text",
    [
        "plain words, 12,500 of them at 12:30:45 on 2024-06-30 04:00:03.857583+00",
        '{"id": "764cabdc-6f9b-49bf-985c-cc62f36aedfb", "pk": 12345678, "type": "std::string"}',
        "/home/explore/stories/battalion-witness-witness-empire-5/PreservationPrimeEvent.html",
        "beatae, bearings, 0123456789abcdef0123456789abcdef",
    ],
)
def test_what_most_texts_are_made_of_is_passed_over(text: str) -> None:
    assert seen(text) == []


def test_windows_that_stand_close_together_are_all_seen() -> None:
    assert len(seen("a@b.co " * 2000)) == 2000
