"""The plan: which variants there are, which of them must be built, and why.

What is built, what a CI matrix says and what `buildtools plan` prints all come from one `Plan`. A
variant's ingredients (definition, inputs, base, assets, tools, time) are named one by one; their digest
is its fingerprint, and what differs from the last record's ingredients is the reason to build.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import Any, Final

from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import canonical_json
from buildtools.record import BuildRecord
from buildtools.spec.variant import HOST_PROCESS, OWN, SCRATCH, Key, Variant, meaning

SCHEMA: Final = 1
LINUX_RUNNERS: Final[Mapping[str, str]] = {"amd64": "ubuntu-24.04", "arm64": "ubuntu-24.04-arm"}
INDEX_REASON: Final = "the index names other images"
_LAYER_INGREDIENTS: Final = (
    "builder",
    "definition/build",
    "definition/files",
    "inputs/",
    "assets/",
    "tools/",
)
_DEFINITION_PARTS: Final = ("config", "files", "build", "engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a variant stands on, resolved: `digest` is its manifest's, empty for `scratch`."""

    reference: str
    digest: str = ""
    os_version: str = ""
    stand_in: bool = False

    @property
    def is_published(self) -> bool:
        """Whether it is read from elsewhere, and not out of the project's own layouts."""
        return not self.reference.startswith(OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What disk, tools and history say about one variant: content digests, versions, seconds since 1970.

    `bases` are the digests of images that a Dockerfile takes from elsewhere, beside what it stands on.
    """

    inputs: Mapping[str, Digest] = field(default_factory=dict, hash=False)
    bases: Mapping[str, str] = field(default_factory=dict, hash=False)
    assets: Mapping[str, str] = field(default_factory=dict, hash=False)
    tools: Mapping[str, str] = field(default_factory=dict, hash=False)
    created: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One variant to have, with all that its result depends on.

    `reasons` says why it must be built; it is empty when the last build still holds. `send` estimates
    the bytes that publishing it uploads, None where nothing is known yet.
    """

    variant: Variant
    base: Base
    created: int
    ingredients: Mapping[str, str] = field(hash=False)
    fingerprint: Digest
    layer_fingerprint: Digest
    reasons: tuple[str, ...]
    runner: str
    tools: Mapping[str, str] = field(default_factory=dict, hash=False)
    record: BuildRecord | None = field(default=None, hash=False)
    send: int | None = None

    @property
    def up_to_date(self) -> bool:
        """Whether the last build still holds."""
        return not self.reasons

    @property
    def key(self) -> Key:
        """What the target is looked up by."""
        return self.variant.key

    @property
    def name(self) -> str:
        """`whoami windows/amd64:ltsc2022`."""
        return f"{self.variant.image} {self.variant.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All targets of a run, in the order of the definitions."""

    targets: tuple[Target, ...]

    @property
    def to_build(self) -> tuple[Target, ...]:
        """The targets whose last build does not hold."""
        return tuple(target for target in self.targets if not target.up_to_date)

    def to_json(self) -> dict[str, Any]:
        """The stable document that `plan --json` prints; docs/reference/plan.md describes each key."""
        return {"schema": SCHEMA, "targets": [_target_json(target) for target in self.targets]}


def make(
    variants: Sequence[Variant],
    *,
    bases: Mapping[Key, Base],
    observed: Mapping[Key, Observed],
    records: Mapping[Key, BuildRecord],
    builder: str,
) -> Plan:
    """Join definitions, pins and what was seen into a Plan; all mappings go by (image, label).

    `builder` names the engine's format and compressor: another one makes other bytes.
    """
    targets = []
    for variant in variants:
        key = variant.key
        targets.append(
            _target(variant, bases[key], observed.get(key, Observed()), records.get(key), builder=builder)
        )
    return Plan(targets=tuple(targets))


def with_index_reasons(plan: Plan, indexed: Mapping[str, frozenset[Digest]]) -> Plan:
    """The Plan where an image whose variants all hold, but whose index names others, has a reason to build.

    `indexed` has the manifests that each image's index names now. A build that was killed,
    a platform that was taken out of the definition and a damaged layout leave such an index.
    """
    stale = {
        image
        for image, group in groupby(plan.targets, key=lambda target: target.variant.image)
        if _is_stale([*group], indexed.get(image, frozenset()))
    }
    return Plan(
        targets=tuple(
            replace(target, reasons=(INDEX_REASON,)) if target.variant.image in stale else target
            for target in plan.targets
        )
    )


def on_base(target: Target, base: Base) -> Target:
    """The target on a base that was built meanwhile; it may be up to date after all."""
    told = base_ingredient(base.reference, base.digest)
    ingredients = {**target.ingredients, "base": told}
    return replace(
        target,
        base=base,
        ingredients=ingredients,
        fingerprint=fingerprint_of(ingredients),
        reasons=reasons_for(ingredients, target.record),
    )


def _is_stale(targets: Sequence[Target], named: frozenset[Digest]) -> bool:
    held = {target.record.manifest.digest for target in targets if target.record and target.up_to_date}
    return len(held) == len(targets) and held != named


def runner_for(variant: Variant) -> str:
    """The GitHub Actions label of the machine that can build the variant, empty where there is none.

    Only a Dockerfile that is not assembled needs the variant's own operating system; layers are assembled on
    any Linux.
    """
    if variant.engine != "dockerfile":
        return LINUX_RUNNERS["amd64"]
    if variant.platform.os == "linux":
        return LINUX_RUNNERS.get(variant.platform.architecture, "")
    return (variant.release.hosted_runner if variant.release else None) or ""


def ingredients_of(variant: Variant, base: Base, observed: Observed, *, builder: str) -> dict[str, str]:
    """All that the variant's bytes depend on, by name."""
    definition = _definition(variant)
    return {
        "builder": builder,
        "created": str(observed.created),
        # Where an image of the project comes from, a layout or a registry, makes no difference.
        "base": base_ingredient(variant.base if variant.own_base else base.reference, base.digest),
        **{f"definition/{part}": digest_of(canonical_json(definition[part])) for part in _DEFINITION_PARTS},
        **{f"inputs/{name}": digest for name, digest in observed.inputs.items()},
        **{f"bases/{reference}": digest for reference, digest in observed.bases.items()},
        **{f"assets/{url}": digest for url, digest in observed.assets.items()},
        **{f"tools/{name}": version for name, version in observed.tools.items()},
    }


def base_ingredient(reference: str, digest: str) -> str:
    """How a base stands among the ingredients."""
    return f"{reference}@{digest}" if digest else reference


def fingerprint_of(ingredients: Mapping[str, str], *prefixes: str) -> Digest:
    """The digest of the ingredients, or of those whose names start with one of `prefixes`."""
    chosen = {name: value for name, value in ingredients.items() if not prefixes or name.startswith(prefixes)}
    return digest_of(canonical_json(dict(sorted(chosen.items()))))


def reasons_for(now: Mapping[str, str], record: BuildRecord | None) -> tuple[str, ...]:
    """Why a variant with these ingredients must be built, in a person's words; empty if it need not be."""
    if record is None:
        return ("new",)
    before = record.ingredients
    changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    groups: dict[str, list[str]] = {}
    for name in changed:
        group, _, item = name.partition("/")
        groups.setdefault(group, []).append(item)
    # What this version knows nothing of comes from another version's record.
    found = (_REASONS.get(group, _builder_reason)(items, before, now) for group, items in groups.items())
    return tuple(dict.fromkeys(found))


def _target(
    variant: Variant, base: Base, observed: Observed, record: BuildRecord | None, *, builder: str
) -> Target:
    ingredients = ingredients_of(variant, base, observed, builder=builder)
    return Target(
        variant=variant,
        base=base,
        created=observed.created,
        ingredients=ingredients,
        fingerprint=fingerprint_of(ingredients),
        layer_fingerprint=digest_of(
            canonical_json([variant.toolchain, fingerprint_of(ingredients, *_LAYER_INGREDIENTS)])
        ),
        reasons=reasons_for(ingredients, record),
        runner=runner_for(variant),
        tools=observed.tools,
        record=record,
        send=record.size if record else None,
    )


def _definition(variant: Variant) -> dict[str, Any]:
    """The parts of a resolved definition that decide about bytes, ready for JSON."""
    files = [meaning(rule) for rule in variant.files]
    return {
        "config": [asdict(variant.config), asdict(variant.platform), variant.kind],
        # Of a Dockerfile that is assembled the steps decide, which may differ between Windows releases.
        "files": [
            files,
            [asdict(fetch) for fetch in variant.fetches],
            *([variant.steps] if variant.steps else []),
        ],
        "build": meaning(variant.build) if variant.build else None,
        "engine": _engine(variant),
    }


def _engine(variant: Variant) -> list[Any]:
    """How an engine builds; what only decides how fast it does is left out."""
    said = [variant.engine, variant.dockerfile, variant.context, dict(variant.args)]
    chosen = {"target": variant.docker.target, "network": variant.docker.network}
    # Without keys that say nothing, images of the other engine keep their fingerprints.
    found = {key: value for key, value in chosen.items() if value}
    return [*said, found] if found else said


def _listed(items: Iterable[str], *, most: int = 3) -> str:
    names = list(items)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _builder_reason(*_: object) -> str:
    return "another version of the builder"


def _base_reason(_: list[str], before: Mapping[str, str], now: Mapping[str, str]) -> str:
    old, new = before.get("base", "nothing"), now.get("base", "nothing")
    if new.startswith(OWN) and "@" not in new:
        return f"its base is built first: {new.removeprefix(OWN)}"
    if "base" in now and "@sha256:" not in new and new not in {SCRATCH, HOST_PROCESS}:
        return f"base not pinned: {new}"
    return f"base moved: {_base_name(old)} → {_base_name(new)}"


def _base_name(text: str) -> str:
    if text in {SCRATCH, HOST_PROCESS}:
        return text
    # The last digest is that of the image on this platform; a reference may have its own before it.
    reference, _, digest = text.rpartition("@sha256:")
    return f"{reference.partition('@')[0]}@{digest[:12]}" if reference else text


_REASONS: Final[Mapping[str, Any]] = {
    "assets": lambda items, *_: f"asset moved: {_listed(items)}",
    "base": _base_reason,
    "bases": lambda items, *_: f"image of the Dockerfile moved: {_listed(items)}",
    "builder": _builder_reason,
    "created": lambda *_: "time of the source moved",
    "definition": lambda items, *_: f"definition changed: {_listed(items)}",
    "inputs": lambda items, *_: f"inputs changed: {_listed(items)}",
    "tools": lambda items, before, now: (
        "tool changed: "
        + _listed(
            f"{item} {before.get(f'tools/{item}', 'none')} → {now.get(f'tools/{item}', 'none')}"
            for item in items
        )
    ),
}


def _target_json(target: Target) -> dict[str, Any]:
    variant = target.variant
    return {
        "image": variant.image,
        "platform": variant.label,
        "os": variant.platform.os,
        "architecture": variant.platform.architecture,
        "variant": variant.platform.variant,
        "release": variant.release.name if variant.release else "",
        "kind": variant.kind,
        "engine": variant.engine,
        "runner": target.runner,
        "base": {
            "reference": target.base.reference,
            "digest": target.base.digest,
            "os_version": target.base.os_version,
            "stand_in": target.base.stand_in,
        },
        "tools": dict(target.tools),
        "created": target.created,
        "fingerprint": target.fingerprint,
        "digest": target.record.manifest.digest if target.record and target.up_to_date else "",
        "build": not target.up_to_date,
        "reasons": list(target.reasons),
        "bytes_to_send": target.send,
    }
