"""Damages to what a store holds: each changes a snapshot's objects and says how they are now."""

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random

from etna_pipelines.snapshots.manifest import Manifest

Objects = Mapping[str, bytes]
Changes = dict[str, bytes | None]
"""By key what is there now; None for nothing."""

Damage = Callable[[Random, Objects, Manifest, Manifest], Changes]
"""Of a store's objects: what becomes of one snapshot's, of which the other one is another of the same kind."""

Place = tuple[str | int, ...]


def files(manifest: Manifest) -> list[str]:
    return [manifest.archive_key(file.name) for file in manifest.files]


def manifest_key(manifest: Manifest) -> str:
    return f"{manifest.prefix}/manifest.json"


def _any(random: Random, victim: Manifest) -> str:
    """A file of the archive, or now and then the manifest."""
    return random.choice([*files(victim), manifest_key(victim)])


def flipped_bit(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    key = _any(random, victim)
    data = bytearray(objects[key])
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return {key: bytes(data)}


def cut(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    key = _any(random, victim)
    return {key: objects[key][: random.randrange(len(objects[key]))]}


def zeroed_stretch(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    key = _any(random, victim)
    data = objects[key]
    while True:
        start = random.randrange(len(data))
        end = min(len(data), start + random.choice([1, 16, 512, 4096]))
        if any(data[start:end]):
            return {key: data[:start] + bytes(end - start) + data[end:]}


def appended(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """Also what is by itself as good as what is there: a file of gzip members may be followed by more of them."""
    key = _any(random, victim)
    more = random.choice([b"x", b"\0" * 512, objects[key], random.randbytes(20)])
    return {key: objects[key] + more}


def lost_stretch(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    key = _any(random, victim)
    data = objects[key]
    start = random.randrange(len(data))
    return {key: data[:start] + data[start + random.randint(1, 100) :]}


def deleted(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    return {_any(random, victim): None}


def swapped(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    one, two = random.sample(files(victim), 2)
    return {one: objects[two], two: objects[one]}


def exchanged_between_snapshots(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """A file of the same name of another night: right by itself, and of another moment."""
    pairs = [pair for pair in zip(files(victim), files(other), strict=True) if objects[pair[0]] != objects[pair[1]]]
    one, two = random.choice(pairs)
    return {one: objects[two], two: objects[one]}


def of_the_other_snapshot(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """All files of another night under this one's manifest."""
    return {one: objects[two] for one, two in zip(files(victim), files(other), strict=True)}


def stranger(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """A file beside the published ones; pg_restore would prefer `2.dat` to `2.dat.gz`."""
    name = random.choice([file.name for file in victim.files if file.table]).removesuffix(".gz")
    chosen = random.choice([name, f"{name}.lz4", f"{name}.zst", "toc.dat.gz", "blobs.toc", "9999.dat"])
    return {victim.archive_key(chosen): random.choice([b"\\.\n\n\n", b"", random.randbytes(50)])}


def another_manifest(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    return {manifest_key(victim): objects[manifest_key(other)]}


def another_snapshot(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """Manifest and files: an older night in place of a newer one."""
    return another_manifest(random, objects, victim, other) | of_the_other_snapshot(random, objects, victim, other)


def edited_manifest(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    said = json.loads(objects[manifest_key(victim)])
    return {manifest_key(victim): edited(said, random.choice(list(places(said))))}


def edited_with_its_file(random: Random, objects: Objects, victim: Manifest, other: Manifest) -> Changes:
    """A changed file, and a manifest that says its new size and SHA-256: only the signature is wrong."""
    from hashlib import sha256

    file = random.choice(victim.files)
    data = objects[victim.archive_key(file.name)] + b"\n"
    now = file.model_copy(update={"bytes": len(data), "sha256": sha256(data).hexdigest()})
    manifest = victim.model_copy(update={"files": [now if each == file else each for each in victim.files]})
    forged = random.choice([manifest, manifest.signed(random.randbytes(32))])
    return {victim.archive_key(file.name): data, manifest_key(victim): forged.to_bytes()}


DAMAGES: tuple[Damage, ...] = (
    flipped_bit,
    cut,
    zeroed_stretch,
    appended,
    lost_stretch,
    deleted,
    swapped,
    exchanged_between_snapshots,
    of_the_other_snapshot,
    stranger,
    another_manifest,
    another_snapshot,
    edited_manifest,
    edited_with_its_file,
)


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """Where in a manifest a value stands that is no mapping and no list, or is an empty one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from places(inner, (*place, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from places(inner, (*place, index))
    else:
        yield place


def edited(said: dict[str, object], place: Place) -> bytes:
    """A manifest with another value at a place."""
    inner = json.loads(json.dumps(said))
    whole = inner
    for part in place[:-1]:
        inner = inner[part]
    old = inner[place[-1]]
    match old:
        case bool():
            new: object = not old
        case int() | float():
            new = old + 1
        case str():
            new = {"stripped": "full", "full": "stripped"}.get(old) or f"{old[1:]}0"
        case None:
            new = "x"
        case list():
            new = ["x"]
        case _:
            new = {"x": 1}
    inner[place[-1]] = new
    return json.dumps(whole).encode()
