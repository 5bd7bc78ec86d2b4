"""Whether images stand on what their labels say, told by the layers that they begin with.

`os.version` is a word that any tool can write; which Windows an image holds is told by its lowest layers.
They are held against those of bases that are known, and against each other: two Windows builds have no
layer in common.

Source: mcr.microsoft.com's images: a base is one layer of its build, or that and one of updates.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from buildtools.errors import Diagnostic
from buildtools.oci.annotations import BASE_DIGEST
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.digest import Digest, short
from buildtools.oci.documents import Manifest
from buildtools.oci.placed import Placed
from buildtools.oci.platform import Platform
from buildtools.pins import Pins
from buildtools.windows.bases import BuiltInBase, host_process_base, is_stand_in

_LABELLED: Final = "label it with the os.version of the base that it stands on, or build it on the right base"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBase:
    """A base whose documents are at hand; `platform` is its config's.

    `digest` is its manifest's, `index` that of the index which it was found through, if any.
    """

    name: str
    platform: Platform
    digest: Digest
    index: Digest | None = None
    layers: tuple[Digest, ...]
    diff_ids: tuple[Digest, ...]

    @classmethod
    def of(
        cls, name: str, manifest: Manifest, config: ImageConfig, *, index: Digest | None = None
    ) -> "KnownBase":
        """The base with these documents."""
        return cls(
            name=name,
            platform=config.platform,
            digest=manifest.descriptor.digest,
            index=index,
            layers=tuple(layer.digest for layer in manifest.layers),
            diff_ids=config.diff_ids,
        )

    @property
    def told(self) -> str:
        """`mcr.microsoft.com/windows/nanoserver:ltsc2022 (10.0.20348.4529)`."""
        shown = self.platform.os_version or "no os.version"
        return f"{self.name} ({shown if self.platform.os == 'windows' else self.platform})"


State = Literal["right", "wrong", "unknown", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of the base below an image; `none` where nothing is to be known of it.

    `base` is what it stands on, in words.
    """

    state: State
    base: str = ""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Bases that are known."""

    bases: tuple[KnownBase, ...] = ()

    @property
    def layers(self) -> frozenset[Digest]:
        """The layers of all known bases."""
        return frozenset(layer for base in self.bases for layer in base.layers)

    def also(self, bases: Iterable[KnownBase]) -> "Truth":
        """This and further bases."""
        return Truth(bases=tuple(dict.fromkeys((*self.bases, *bases))))


def built_in(name: str, base: BuiltInBase) -> KnownBase:
    """A base that this project makes itself."""
    return KnownBase.of(name, base.manifest, base.config)


def own_truth() -> Truth:
    """What is known without any project: the HostProcess base."""
    return Truth(bases=(built_in("the HostProcess base", host_process_base()),))


def pinned_truth(pins: Pins) -> Truth:
    """What is known in a project: its pinned bases and the HostProcess base."""
    return own_truth().also(
        KnownBase.of(reference, Manifest.parse(pin.manifest, pin.media_type), ImageConfig.parse(pin.config))
        for reference, platforms in sorted(pins.bases.items())
        for _, pin in sorted(platforms.items())
    )


@dataclass(frozen=True, slots=True)
class _Below:
    """The bases that an image may stand on: `whole` ones all of whose layers it has, else `begun` ones."""

    whole: tuple[KnownBase, ...] = ()
    begun: tuple[KnownBase, ...] = field(default=())


def judge(images: Sequence[Placed], truth: Truth) -> Mapping[Descriptor, Verdict]:
    """What is known of the base of each image, by its entry."""
    verdicts = {image.descriptor: _verdict(image, truth) for image in images}
    for image, finding, base in _twins(images, verdicts):
        verdicts[image.descriptor] = Verdict(state="wrong", base=base, findings=(finding,))
    return verdicts


def unknown_note(images: Sequence[Placed], verdicts: Mapping[Descriptor, Verdict]) -> Iterator[Diagnostic]:
    """One note about all images of which nothing is known."""
    names = [image.name for image in images if verdicts[image.descriptor].state == "unknown"]
    if names:
        several = len(names) > 1
        yield Diagnostic(
            code="base-unknown",
            message=f"{', '.join(names)}: {'their bases are' if several else 'its base is'} not known, "
            f"so nothing is said about {'them' if several else 'it'}",
            hint="run in the project that pins the base, or ask the base's registry with --bases",
            severity="note",
        )


def stands_on(image: Placed, base: KnownBase) -> bool:
    """Whether the base's layers are the image's lowest ones, by their bytes or by what these unpack to."""
    count = len(base.layers)
    layers = tuple(layer.digest for layer in image.manifest.layers[:count])
    return bool(count) and (layers == base.layers or image.config.diff_ids[:count] == base.diff_ids)


def claims(image: Placed, base: KnownBase) -> bool:
    """Whether the image's annotations say that it stands on this base."""
    told = annotations(image).get(BASE_DIGEST, "")
    return bool(told) and told in {base.digest, base.index}


def annotations(image: Placed) -> Mapping[str, str]:
    """The annotations of an image: its own and those that the index gives it."""
    return {**image.descriptor.annotations, **image.manifest.annotations}


def _verdict(image: Placed, truth: Truth) -> Verdict:
    below = _below(image, truth)
    state, base, found = _labelled(image, below)
    claimed = [known for known in truth.bases if claims(image, known)]
    if claimed and not any(known in below.whole for known in claimed):
        found = (*found, _false_claim(image, claimed[0]))
        state, base = "wrong", base or f"not {claimed[0].told}"
    return Verdict(state=state, base=base, findings=found)


def _below(image: Placed, truth: Truth) -> _Below:
    whole = [base for base in truth.bases if stands_on(image, base)]
    most = max((len(base.layers) for base in whole), default=0)
    if whole:
        return _Below(whole=tuple(base for base in whole if len(base.layers) == most))
    first = {layer.digest for layer in image.manifest.layers[:1]} | {*image.config.diff_ids[:1]}
    begun = [
        base
        for base in truth.bases
        if _is_windows(base.platform) and first & {*base.layers[:1], *base.diff_ids[:1]}
    ]
    return _Below(begun=tuple(begun))


def _labelled(image: Placed, below: _Below) -> tuple[State, str, tuple[Diagnostic, ...]]:
    """The image's label against what it stands on."""
    if below.whole:
        fitting = [base for base in below.whole if _same(base.platform, image.platform)]
        base = (fitting or below.whole)[0]
        if not fitting:
            return "wrong", base.told, (_mislabelled(image, f"stands on {base.told}"),)
        return "right", base.told, tuple(_features(image, base))
    if not _is_windows(image.platform):
        return "none", "", ()
    if below.begun:
        # The layer of a build is below every revision of it.
        base = below.begun[0]
        text = f"begins with the layer of {base.told}"
        if _build(base.platform) != _build(image.platform):
            return "wrong", base.told, (_mislabelled(image, text),)
        return "right", f"a base of the build of {base.told}", ()
    return "unknown", "", ()


def _mislabelled(image: Placed, what: str) -> Diagnostic:
    version = image.platform.os_version
    label = f"labelled {image.platform}" if version or not _is_windows(image.platform) else (
        f"labelled {image.platform} without os.version"
    )  # fmt: skip
    return Diagnostic(code="base-differs", message=f"{image.name} is {label} and {what}", hint=_LABELLED)


def _features(image: Placed, base: KnownBase) -> Iterator[Diagnostic]:
    if missing := sorted(set(base.platform.os_features) - set(image.platform.os_features)):
        yield Diagnostic(
            code="base-features",
            message=f"{image.name} leaves out the os.features {', '.join(missing)} of its base {base.told}",
            hint="copy os.features from the base's config",
            severity="warning",
        )


def _false_claim(image: Placed, base: KnownBase) -> Diagnostic:
    return Diagnostic(
        code="base-annotation",
        message=f"{image.name} says in {BASE_DIGEST} that it stands on {base.told}, "
        "whose layers are not its lowest ones",
        hint="build it again, or take the annotation away",
    )


def _twins(
    images: Sequence[Placed], verdicts: Mapping[Descriptor, Verdict]
) -> Iterator[tuple[Placed, Diagnostic, str]]:
    """Images of different Windows builds that begin with the same layer, unless it is known who is wrong."""
    groups: dict[Digest, list[Placed]] = {}
    for image in images:
        # Stand-ins of several builds may be one text.
        if _is_windows(image.platform) and image.platform.os_version and not is_stand_in(image.config):
            for first in image.config.diff_ids[:1] or [layer.digest for layer in image.manifest.layers[:1]]:
                groups.setdefault(first, []).append(image)
    for first, group in groups.items():
        for image in group[1:]:
            other = group[0]
            known = {verdicts[image.descriptor].state, verdicts[other.descriptor].state}
            if _build(image.platform) == _build(other.platform) or "wrong" in known:
                continue
            yield (
                image,
                Diagnostic(
                    code="base-shared",
                    message=f"{other.name} and {image.name} begin with the same layer ({short(first)}), "
                    "which two Windows builds never do: at least one is labelled wrong",
                    hint=_LABELLED,
                ),
                f"that of {other.platform}",
            )


def _same(base: Platform, label: Platform) -> bool:
    found, said = base.normalised(), label.normalised()
    return (found.os, found.architecture, found.os_version) == (said.os, said.architecture, said.os_version)


def _build(platform: Platform) -> tuple[str, ...]:
    return tuple(platform.os_version.split(".")[:3])


def _is_windows(platform: Platform) -> bool:
    return platform.os.lower() == "windows"
