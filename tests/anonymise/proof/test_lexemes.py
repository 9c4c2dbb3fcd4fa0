from etna_pipelines.anonymise.proof.lexemes import in_order_of_positions


def test_a_tsvector_s_words_come_in_their_order() -> None:
    assert in_order_of_positions([b"'ann':2A,9 'by':1 'lee':3B 'o''brien':5", b"\\N", b""]) == [
        b" by ann lee\no'brien\nann",
        b"",
        b"",
    ]
