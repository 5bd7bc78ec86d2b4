"""What a definition promises, held against the images that are there.

Only what the definition states counts: a field that it leaves to the base may be anything. Each finding has
the place in the definition, what is published and what was promised.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from buildtools.errors import Diagnostic, Severity
from buildtools.oci.config import ConfigSettings, ImageConfig
from buildtools.oci.digest import short
from buildtools.oci.documents import Manifest
from buildtools.oci.placed import Placed
from buildtools.oci.platform import Platform
from buildtools.oci.quote import quoted
from buildtools.pins import BasePin, Pins
from buildtools.spec.document import KeyPath
from buildtools.spec.expand import Image
from buildtools.spec.platforms import Problem, read_platform
from buildtools.spec.variant import HOST_PROCESS, SCRATCH, TITLE, Variant
from buildtools.windows.bases import host_process_base, is_stand_in

_AGAIN: Final = "publish what the definition says, or mend the definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One image's definition, and what its bases are pinned to.

    `named` has, by label, what the Dockerfile of a variant stands on: its reference and the key of its pin.
    """

    image: Image
    pins: Pins = field(default_factory=Pins)
    named: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)


def compare(expectation: Expectation, published: Sequence[Placed]) -> tuple[Diagnostic, ...]:
    """Every way in which what is there is not what the definition promises."""
    left = list(published)
    findings: list[Diagnostic] = []
    for variant in expectation.image.variants:
        found = next((entry for entry in left if _is_for(entry.platform, variant)), None)
        if found is None:
            findings.append(_missing(expectation, variant, left))
            continue
        left.remove(found)
        findings += _differences(expectation, variant, found)
    findings += [_extra(expectation, entry) for entry in left]
    return tuple(findings)


def _is_for(platform: Platform, variant: Variant) -> bool:
    found, wanted = platform.normalised(), variant.platform.normalised()
    if (found.os, found.architecture, found.variant) != (wanted.os, wanted.architecture, wanted.variant):
        return False
    if variant.release is None:
        # A HostProcess image with a version is the right image with a wrong label.
        return True
    return found.os_version.split(".")[:3] == ["10", "0", str(variant.release.build)]


def _missing(expectation: Expectation, variant: Variant, left: Sequence[Placed]) -> Diagnostic:
    there = ", ".join(str(entry.platform) for entry in left) or "no other image"
    text = f"{variant.label} is promised here and not published"
    return _finding(
        expectation, "expect-missing", _place_of(expectation.image, variant), text, f"there is {there}"
    )


def _extra(expectation: Expectation, entry: Placed) -> Diagnostic:
    text = f"{entry.name} is published, and the definition does not name its platform"
    return _finding(expectation, "expect-extra", ("platforms",), text, _AGAIN)


def _place_of(image: Image, variant: Variant) -> KeyPath:
    """The entry of `platforms` that asks for the variant."""
    asked = enumerate(map(read_platform, image.spec.platforms))
    places: Iterator[KeyPath] = (
        ("platforms", position)
        for position, read in asked
        if not isinstance(read, Problem)
        and read[0] == variant.platform
        and read[1] in {None, variant.release}
    )
    return next(places, ("platforms",))


def _differences(expectation: Expectation, variant: Variant, entry: Placed) -> Iterator[Diagnostic]:
    for stated in _stated(variant, entry.config):
        if stated.found == stated.wanted:
            continue
        trail = _trail(expectation.image, variant, stated.trail)
        text = (
            f"{entry.name} has {stated.what} {_shown(stated.found)}, "
            f"the definition says {_shown(stated.wanted)}"
        )
        yield _finding(expectation, "expect-config", trail, text, _AGAIN)
    yield from _kind(expectation, variant, entry)
    yield from _base(expectation, variant, entry)


@dataclass(frozen=True, slots=True)
class _Stated:
    """One field that the definition states: its key below `config`, what is there and what was said."""

    trail: KeyPath
    what: str
    found: Any
    wanted: Any


def _stated(variant: Variant, config: ImageConfig) -> Iterator[_Stated]:
    said = variant.config
    for key, what, read, wanted in _FIELDS:
        if (value := wanted(said)) is not None:
            yield _Stated((key,), what, read(config), value)
    if said.cmd is None and said.entrypoint is not None:
        yield _Stated(("entrypoint",), "cmd", config.cmd, ())
    fold = str.upper if variant.platform.os == "windows" else str
    there = _variables(config.env, fold)
    for name, value in said.env.items():
        path = name.upper() == "PATH"
        trail: KeyPath = ("path",) if path else ("env", name)
        yield _Stated(trail, f"variable {name}", there.get(fold(name)), value)
    for name, value in said.labels.items():
        if name == TITLE and variant.engine == "dockerfile":
            # The Dockerfile's own counts, where it has one.
            continue
        yield _Stated(("labels", name), f"label {name}", config.labels.get(name), value)
    for key, ports, found in (
        ("ports", said.exposed_ports, config.exposed_ports),
        ("volumes", said.volumes, config.volumes),
    ):
        for text in ports:
            if text not in found:
                yield _Stated((key,), key, tuple(found), (*found, text))


def _variables(env: Sequence[str], fold: Callable[[str], str]) -> Mapping[str, str]:
    # Of two entries with one name the later counts, as it does at run time.
    return {fold(name): value for name, _, value in (entry.partition("=") for entry in env)}


_FIELDS: Final[tuple[tuple[str, str, Callable[[ImageConfig], Any], Callable[[ConfigSettings], Any]], ...]] = (
    ("entrypoint", "entrypoint", lambda config: config.entrypoint, lambda said: said.entrypoint),
    ("cmd", "cmd", lambda config: config.cmd, lambda said: said.cmd),
    ("user", "user", lambda config: config.user, lambda said: said.user),
    ("workdir", "workdir", lambda config: config.working_dir, lambda said: said.working_dir),
    ("stop-signal", "stop signal", lambda config: config.stop_signal, lambda said: said.stop_signal),
)
"""Key of the definition, what sentences call it, what the image has, what the definition says."""


def _trail(image: Image, variant: Variant, trail: KeyPath) -> KeyPath:
    """Where the definition says it: what stands for one operating system goes before what stands for both."""
    for start in (("config", variant.platform.os), ("config",)):
        if (*start, *trail) in image.document.places:
            return (*start, *trail)
    return ("name",)


def _kind(expectation: Expectation, variant: Variant, entry: Placed) -> Iterator[Diagnostic]:
    if variant.kind != "host-process":
        return
    version = entry.platform.os_version or entry.config.platform.os_version
    if version:
        text = f"{entry.name} has os.version {version}, and a HostProcess image has none"
        yield _finding(expectation, "expect-kind", ("kind",), text, _AGAIN)
    if variant.base == HOST_PROCESS and not _begins(entry, host_process_base().manifest):
        text = f"{entry.name} does not stand on the HostProcess base"
        yield _finding(expectation, "expect-base", ("base",), text, _AGAIN)


def _base(expectation: Expectation, variant: Variant, entry: Placed) -> Iterator[Diagnostic]:
    """The base that the project has pinned, which must be the lowest layers; stand-ins are told elsewhere."""
    version = f"10.0.{variant.release.build}" if variant.release else ""
    key = f"{variant.platform}:{version}" if version else str(variant.platform)
    base, key = expectation.named.get(variant.label, (variant.base, key))
    if base in {SCRATCH, HOST_PROCESS, ""} or variant.own_base or is_stand_in(entry.config):
        return
    pin = expectation.pins.base(base, key)
    if pin is None:
        text = f"the base {base} of {variant.label} is not pinned, so it was not compared"
        yield _finding(
            expectation, "expect-not-pinned", ("base",), text, "run `buildtools pins`", severity="note"
        )
    elif not _begins(entry, Manifest.parse(pin.manifest, pin.media_type)):
        text = f"{entry.name} does not stand on the pinned base {base} ({_told(pin)})"
        hint = "the pins have moved since it was published: publish it again"
        yield _finding(expectation, "expect-base", ("base",), text, hint)


def _told(pin: BasePin) -> str:
    return pin.os_version or short(pin.digest)


def _begins(entry: Placed, base: Manifest) -> bool:
    count = len(base.layers)
    return [layer.digest for layer in entry.manifest.layers[:count]] == [
        layer.digest for layer in base.layers
    ]


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(quoted(item) for item in value)}]"
    return "none" if value in {None, ""} else quoted(value)


def _finding(
    expectation: Expectation,
    code: str,
    trail: KeyPath,
    message: str,
    hint: str,
    *,
    severity: Severity = "error",
) -> Diagnostic:
    document = expectation.image.document
    place = document.place(trail).value
    return Diagnostic(
        code=code,
        message=message,
        hint=hint,
        path=document.path,
        line=place.line,
        column=place.column,
        severity=severity,
    )
