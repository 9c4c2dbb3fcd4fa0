import base64

import pytest

from etna_pipelines.anonymise.proof.originals import Originals
from etna_pipelines.anonymise.proof.scan import EMAIL, FOREIGN, Scan
from etna_pipelines.anonymise.pseudonyms.pseudonyms import Pseudonyms
from etna_pipelines.anonymise.public import Public
from etna_pipelines.anonymise.scrub.identities import Identities
from etna_pipelines.anonymise.values import Values


@pytest.fixture(scope="module")
def scan(pseudonyms: Pseudonyms) -> Scan:
    originals = Originals()
    originals.add("email", Values.of(["jo@ab.co"]), Identities(pseudonyms, Public()))
    return Scan(originals, Public())


@pytest.mark.parametrize(
    ("hidden", "kinds"),
    [
        (b"a@b.ca\x01\x02", {}),  # a token of random bytes: among many, one spells this
        (b"jo@ab.co", {EMAIL: 1}),
        (b"stranger@bigcorp.com", {FOREIGN: 1}),
    ],
)
def test_what_random_bytes_spell_by_chance_is_no_address(scan: Scan, hidden: bytes, kinds: dict[str, int]) -> None:
    assert scan.scan(b"1\t" + hidden.hex().encode() + b"\n").hits == kinds


def test_what_is_encoded_inside_base64_is_as_little_an_address(scan: Scan) -> None:
    packed = base64.b64encode(b"some text and %61@b.ca as well")
    assert not scan.scan(packed + b"\n").hits
    assert scan.scan(b"some text and %61@b.ca\n").hits == {FOREIGN: 1}
