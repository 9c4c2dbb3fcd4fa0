"""Parts: the values inside a column's documents, and masks for them by what each is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from etna_pipelines.anonymise import masks
from etna_pipelines.anonymise.column_types import base_type, is_textual
from etna_pipelines.anonymise.documents.documents import Form, joined
from etna_pipelines.anonymise.documents.found import BARE
from etna_pipelines.anonymise.masks.kind import Mask, Tools
from etna_pipelines.anonymise.masks.spec import MaskSpec
from etna_pipelines.anonymise.rows import Rows
from etna_pipelines.anonymise.rules.paths import Path
from etna_pipelines.anonymise.values import Numbers, Values
from etna_pipelines.errors import ValueMalformed
from etna_pipelines.snapshots.manifest import Column

_TEXT = Column(name="", type="text", category="S")
_INTEGER, _NUMBER = Column(name="", type="bigint"), Column(name="", type="numeric")
_MOMENT = Column(name="", type="timestamp with time zone")
_IN_JSON = (_TEXT, _INTEGER, _NUMBER, _MOMENT)

_CLASSES = (
    ("text", (_TEXT,)),
    ("number", (_INTEGER, _NUMBER, _TEXT)),
    ("number", (_NUMBER, _TEXT)),
    ("date", (_TEXT, _MOMENT)),
    ("number", (_TEXT, _INTEGER, _NUMBER)),
)
"""What values of documents are, and as what they are masked, the best first: texts, integers, other numbers without
quotes; dates and numbers in quotes."""


def form_of(column: Column) -> Form | None:
    """What documents a column holds; None where it holds none."""
    type_ = base_type(column)
    if type_ in ("json", "jsonb"):
        return "json"
    if type_.endswith("[]"):
        return "array"
    if type_.split(".")[-1] == "hstore":
        return "hstore"
    if column.category == "C":
        return "row"
    return "text" if is_textual(column) else None


def columns_of(column: Column, path: Path | None) -> tuple[Column, ...]:
    """What the values at a path of a column's documents are like; without one, those that no path names."""
    if form_of(column) != "array":
        return _IN_JSON
    element = Column(name="", type=base_type(column).removesuffix("[]"), labels=column.labels)
    steps = path.steps if path else ()
    inside_element = len(steps) > 1 and (form_of(element) == "json" or any(step.name is not None for step in steps))
    return _IN_JSON if inside_element else (element,)


def misfit_of_parts(spec: MaskSpec, columns: Sequence[Column]) -> str | None:
    """Why the mask fits none of the columns."""
    reasons = [masks.misfit(spec, column, unique=False) for column in columns]
    return reasons[0] if all(reasons) else None


@dataclass(frozen=True)
class RowsOfParts:
    """The rows that values inside documents belong to: `documents[i]` is the row of value i."""

    rows: Rows
    documents: Numbers

    @property
    def first(self) -> int:
        return self.rows.first

    def __len__(self) -> int:
        return len(self.documents)

    def original(self, column: str) -> Values:
        return self.rows.original(column).at(self.documents)

    def masked(self, column: str) -> Values:
        return self.rows.masked(column).at(self.documents)

    def at(self, which: npt.NDArray[np.intp]) -> "RowsOfParts":
        return RowsOfParts(self.rows, self.documents[which])


class Parts:
    """Masks for all values inside a column's documents, each value by the mask of its owner."""

    def __init__(self, specs: Sequence[MaskSpec], columns: Sequence[Sequence[Column]], tools: Tools) -> None:
        """`columns[owner]`: what the values of an owner are like."""
        self.specs = specs
        self._masks: list[Mask] = []
        which = []
        for spec, likes in zip(specs, columns, strict=True):
            fitting = [column for column in likes if not masks.misfit(spec, column, unique=False)]
            numbers = {column.type: len(self._masks) + number for number, column in enumerate(fitting)}
            self._masks += [masks.build(spec, column, tools) for column in fitting]
            which.append(_by_class(numbers) if len(likes) > 1 else [*numbers.values()] * len(_CLASSES))
        self._which = np.array(which, np.int64).reshape(len(specs), len(_CLASSES))
        """[owner, class] -> the number of the mask; -1 where it has none for such values."""

    def __call__(self, owners: Numbers, kinds: Numbers, values: Values, rows: RowsOfParts) -> Values:
        """Raises ValueMalformed, with the position of the document, for what is not what its mask is for."""
        which = self._which[owners, 0]
        if not (self._which == self._which[:, :1]).all():
            classes = _classes(values, kinds)
            which = np.where(values.filled, self._which[owners, classes], self._which.max(axis=1)[owners])
            if (which < 0).any():
                wrong = int(np.argmax(which < 0))
                what = f"holds a {_CLASSES[classes[wrong]][0]} where `{self.specs[owners[wrong]]}` wants something else"
                raise ValueMalformed(int(rows.documents[wrong]), what)
        order = np.argsort(which, kind="stable")
        bounds = np.searchsorted(which[order], np.arange(len(self._masks) + 1))
        masked = [
            _applied(mask, values.at(order[start:end]), rows.at(order[start:end]))
            for mask, start, end in zip(self._masks, bounds[:-1], bounds[1:], strict=True)
            if start < end
        ]
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return joined(masked).at(back)


def _by_class(numbers: dict[str, int]) -> list[int]:
    """The number of the mask for each class of values, of those by type that there are."""
    return [next((numbers[column.type] for column in columns if column.type in numbers), -1) for _, columns in _CLASSES]


def _classes(values: Values, kinds: Numbers) -> Numbers:
    """What each value is: its place in _CLASSES."""
    texts = values.series()
    is_integer, is_number, is_moment = (
        texts.str.contains(pattern).fill_null(False).to_numpy()
        for pattern in (r"^-?\d{1,18}$", r"^-?\d+(?:\.\d+)?(?:[eE][+\-]?\d{1,4})?$", r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:|$)")
    )
    bare = kinds == BARE
    return np.select([bare & is_integer, bare & is_number, is_moment, is_number], [1, 2, 3, 4], 0)


def _applied(mask: Mask, values: Values, rows: RowsOfParts) -> Values:
    try:
        return mask(values, rows)
    except ValueMalformed as problem:
        raise ValueMalformed(int(rows.documents[problem.position]), problem.what) from None
