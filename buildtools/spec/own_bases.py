"""Images that stand on other images of the project: which ones, in which order, and what cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Protocol

from buildtools.errors import Diagnostic
from buildtools.spec.document import Document
from buildtools.spec.variant import OWN, Variant

_NO_IMAGE: Final = "write the name of an image of this project behind image:"


class _Image(Protocol):
    @property
    def path(self) -> str: ...

    @property
    def variants(self) -> tuple[Variant, ...]: ...

    @property
    def document(self) -> Document: ...


def faults(images: Mapping[str, _Image]) -> Iterator[Diagnostic]:
    """What is wrong with bases that are images of the project."""
    for name, image in images.items():
        for variant in image.variants:
            if variant.engine == "dockerfile" and variant.base.startswith(OWN):
                hint = (
                    f"publish {variant.base.removeprefix(OWN)} and name it there, or write engine: assemble"
                )
                yield _fault(image, "a Dockerfile names its base in FROM", hint)
            below = images.get(variant.own_base)
            if variant.own_base and below is None:
                guess = get_close_matches(variant.own_base, images, n=1)
                hint = f"did you mean image:{guess[0]}?" if guess else _NO_IMAGE
                yield _fault(image, f'there is no image "{variant.own_base}" in the project', hint)
            elif below and name in _all_below(variant.own_base, images):
                yield _fault(image, f"{name} would stand on itself", "give one of the images another base")
            elif below and variant.label not in {one.label for one in below.variants}:
                message = f"{variant.own_base} has no {variant.label} that {name} could stand on"
                yield _fault(image, message, f"add the platform there, or give {variant.label} another base")


def with_bases(images: Mapping[str, _Image], variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants and all that they stand on in the project, what is below first, images in one piece."""
    found = {variant.key: variant for variant in variants}
    ahead = list(variants)
    while ahead:
        variant = ahead.pop()
        for below in images[variant.own_base].variants if variant.own_base else ():
            if below.label == variant.label and (below.image, below.label) not in found:
                found[below.image, below.label] = below
                ahead.append(below)
    depths = {variant.image: 0 for variant in found.values()}
    depths = {name: len(_all_below(name, images)) for name in depths}
    return tuple(sorted(found.values(), key=lambda variant: (depths[variant.image], _place(variant, depths))))


def _place(variant: Variant, depths: Mapping[str, int]) -> int:
    return list(depths).index(variant.image)


def _all_below(name: str, images: Mapping[str, _Image]) -> set[str]:
    """The images that one stands on, at any depth; itself among them where it goes round."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        image = images.get(ahead.pop())
        names = {variant.own_base for variant in image.variants if variant.own_base} if image else set()
        ahead += names - found
        found |= names
    return found


def _fault(image: _Image, message: str, hint: str) -> Diagnostic:
    place = image.document.place(("base",)).value
    return Diagnostic(
        code="base", message=message, hint=hint, path=image.path, line=place.line, column=place.column
    )
