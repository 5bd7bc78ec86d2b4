"""Dockerfiles of the project's variants: read, evaluated, and turned into variants that planning knows."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from buildtools.dockerfile.copying import CopyError, Files, chosen
from buildtools.dockerfile.evaluate import bases_of, evaluate
from buildtools.dockerfile.parse import Dockerfile, parse
from buildtools.dockerfile.recipe import Copy, Goal, ImageUse, Look, Recipe
from buildtools.errors import ConfigurationError, Diagnostic
from buildtools.oci.config import ConfigSettings
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.layer import Kind
from buildtools.pins import Pins
from buildtools.sources.context_tree import read_context, shown_path
from buildtools.sources.hashes import HashCache
from buildtools.spec.variant import TITLE, Variant

COPIED: Final = "copied"
"""The engine of a Dockerfile that is assembled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A variant of a Dockerfile as it is planned, with its recipe."""

    variant: Variant
    recipe: Recipe
    root: Path = field(repr=False)

    @property
    def context(self) -> Path:
        """The folder that is copied from."""
        return self.root / self.variant.folder / self.variant.context

    @property
    def dockerfile(self) -> Path:
        """The Dockerfile."""
        return self.root / self.variant.folder / self.variant.dockerfile

    def files(self) -> Files:
        """What is in the context; raises ConfigurationError."""
        shown = shown_path(self.variant.folder, self.variant.context)
        return read_context(self.context, self.dockerfile, shown=shown)


def images_of(variant: Variant, *, root: Path) -> tuple[ImageUse, ...]:
    """The images of registries that a Dockerfile names.

    None for one for Linux that cannot be understood here. Raises ConfigurationError.
    """
    try:
        return bases_of(read_dockerfile(variant, root=root), goal_of(variant))
    except ConfigurationError:
        if variant.platform.os == "windows":
            raise
        return ()


def image_key(image: ImageUse) -> str:
    """The platform that an image is pinned under: `windows/amd64:10.0.20348`, `linux/arm64`."""
    version = f"10.0.{image.release.build}" if image.release else ""
    return str(replace(image.platform, os_version=version))


def planned(variant: Variant, *, root: Path, look: Look) -> Planned | None:
    """The variant with all that its Dockerfile says where it can be assembled, else as it is.

    None for a Dockerfile for Linux that an engine has to build in any case and that cannot be understood
    here: an engine may know more. Raises ConfigurationError where a Windows one cannot be understood.
    """
    windows = variant.platform.os == "windows"
    try:
        recipe = evaluate(read_dockerfile(variant, root=root), goal_of(variant), look)
    except ConfigurationError:
        if windows or not read_dockerfile(variant, root=root).instructions:
            raise
        return None
    if recipe.needs:
        return Planned(variant=variant, recipe=recipe, root=root)
    made = replace(
        variant,
        engine=COPIED,
        base=recipe.base,
        config=over(recipe.last.settings, variant.config),
        steps=tuple(recipe.meaning()),
    )
    return Planned(variant=made, recipe=recipe, root=root)


def over(below: ConfigSettings, above: ConfigSettings) -> ConfigSettings:
    """The settings of a Dockerfile with those of the definition on top."""
    entrypoint = below.entrypoint if above.entrypoint is None else above.entrypoint
    # Another program takes other arguments.
    cmd = below.cmd if above.entrypoint is None else None
    return ConfigSettings(
        entrypoint=entrypoint,
        cmd=cmd if above.cmd is None else above.cmd,
        env={**below.env, **above.env},
        user=below.user if above.user is None else above.user,
        working_dir=below.working_dir if above.working_dir is None else above.working_dir,
        exposed_ports=tuple(dict.fromkeys((*below.exposed_ports, *above.exposed_ports))),
        volumes=tuple(dict.fromkeys((*below.volumes, *above.volumes))),
        # The definition's title is made up where nobody wrote one.
        labels={
            **below.labels,
            **above.labels,
            **({TITLE: below.labels[TITLE]} if TITLE in below.labels else {}),
        },
        stop_signal=below.stop_signal if above.stop_signal is None else above.stop_signal,
    )


def goal_of(variant: Variant) -> Goal:
    """What a variant's Dockerfile is evaluated for."""
    return Goal(
        platform=variant.platform,
        release=variant.release,
        args=variant.args,
        target=variant.docker.target,
    )


def read_dockerfile(variant: Variant, *, root: Path) -> Dockerfile:
    """Read a variant's Dockerfile; raises ConfigurationError where there is none."""
    shown = shown_path(variant.folder, variant.dockerfile)
    try:
        text = (root / variant.folder / variant.dockerfile).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            Diagnostic(
                code="dockerfile-context",
                message=f"{shown} cannot be read ({error.strerror})",
                hint="write it, or name another with `dockerfile`",
                path=f"{variant.folder}/image.yaml",
            )
        ) from error
    return parse(text.decode("utf-8", "replace"), shown)


def inputs(plan: Planned, hashes: HashCache, pins: Pins) -> Mapping[str, Digest]:
    """What the files of the image depend on: digests by name, of content and mode, and of images.

    Raises ConfigurationError with every source that names nothing.
    """
    files = plan.files()
    pinned = {one.reference: pins.base(one.reference, image_key(one)) for one in plan.recipe.others}
    found = {reference: pin.digest for reference, pin in pinned.items() if pin}
    faults: list[Diagnostic] = []
    for stage in plan.recipe.stages.values():
        if stage.needs:
            # What an engine runs may read all of it.
            found |= dict(_digests(files, files, plan, hashes))
        for step in stage.steps:
            if isinstance(step, Copy) and step.from_context:
                try:
                    found |= dict(_digests(chosen(step, files), files, plan, hashes))
                except CopyError as error:
                    faults.append(located(plan, error))
    if faults:
        raise ConfigurationError(*dict.fromkeys(faults))
    return found


def located(plan: Planned, error: CopyError) -> Diagnostic:
    """The error as a finding about the variant's Dockerfile."""
    return Diagnostic(
        code="dockerfile-copy",
        message=error.message,
        hint=error.hint,
        path=plan.recipe.path,
        line=error.place.line,
        column=error.place.column,
    )


def _digests(
    paths: Iterable[str], files: Files, plan: Planned, hashes: HashCache
) -> Iterator[tuple[str, Digest]]:
    linux = plan.variant.platform.os == "linux"
    for path in paths:
        entry = files[path]
        said = entry.target if entry.kind is Kind.SYMLINK else ""
        if entry.kind is Kind.FILE:
            said = hashes.digest(plan.context / path)
        yield path, digest_of(f"{entry.kind.value} {entry.mode if linux else 0:o} {said}".encode())
