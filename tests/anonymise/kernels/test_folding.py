from hypothesis import example, given
from hypothesis import strategies as st

from etna_pipelines.anonymise.kernels.folding import lowered
from etna_pipelines.anonymise.values import Values

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.lists(st.one_of(st.none(), TEXT, st.text("aÉŵΣİ\u00a0 K😀", max_size=5))))
@example([chr(code) for code in range(1, 0x800)])
@example([f"a{chr(code)}b" for code in range(1, 0x800)])
def test_lower_case_and_spaces_are_those_of_unicode(strings: list[str | None]) -> None:
    values = Values.of(strings)
    assert lowered(values).to_list() == values.series().str.strip_chars().str.to_lowercase().to_list()
