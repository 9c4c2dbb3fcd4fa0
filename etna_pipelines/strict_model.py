"""What is read from a settings file: nothing unknown, nothing converted, nothing changed afterwards."""

from pydantic import BaseModel, BeforeValidator, ConfigDict


class StrictModel(BaseModel):
    """A section of a settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def told_apart(purpose: str, *kinds: type[StrictModel]) -> BeforeValidator:
    """For a union of `kinds`: the first field of each is the key that it is known by, and one of them must be there.

    `purpose` completes `is no way to ...`. The mistakes inside a section are those of its own kind alone."""
    keys = {_first_key(kind): kind for kind in kinds}
    all_keys = ", ".join(f"`{key}`" for key in keys)

    def choose(section: object) -> object:
        if isinstance(section, kinds):
            return section
        if not isinstance(section, dict):
            raise ValueError(f"must be a mapping (`name: value`) with one of {all_keys}.")
        found = [key for key in keys if key in section]
        if len(found) > 1:
            raise ValueError(f"has {' and '.join(f'`{key}`' for key in found)}: keep one of them.")
        if found:
            return keys[found[0]].model_validate(section)
        if section:
            raise ValueError(f"has `{next(iter(section))}`, which is no way to {purpose}: use one of {all_keys}.")
        raise ValueError(f"is empty: it needs one of {all_keys}.")

    return BeforeValidator(choose)


def _first_key(kind: type[StrictModel]) -> str:
    name, field = next(iter(kind.model_fields.items()))
    return field.alias or name
