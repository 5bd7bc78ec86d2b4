"""Plans of projects that do not exist, for workflows."""

from collections.abc import Iterable
from typing import Any

from buildtools import plan
from buildtools.plan import Base, Plan
from buildtools.spec.variant import Fetch, Variant
from buildtools.windows.releases import RELEASES
from tests.fakes.definitions import step, variant

COMPILED: dict[str, Any] = {"build": step(("make",))}


def linux(image: str, architecture: str = "amd64", **changes: Any) -> Variant:
    """A variant for Linux."""
    return variant(
        architecture=architecture, image=image, **{"label": f"linux/{architecture}"} | COMPILED | changes
    )


def windows(image: str, **changes: Any) -> list[Variant]:
    """One for each release."""
    return [
        variant("windows", image=image, label=f"windows/amd64:{row.name}", release=row, **COMPILED | changes)
        for row in RELEASES
    ]


def plan_of(variants: Iterable[Variant]) -> Plan:
    """What is to be built of them: everything."""
    made = list(variants)
    bases = {one.key: Base(reference=one.base) for one in made}
    return plan.make(made, bases=bases, observed={}, records={}, builder="b")


ONE_IMAGE = plan_of([linux("whoami"), linux("whoami", "arm64"), *windows("whoami")])
MANY = plan_of(
    one
    for number in range(60)
    for one in (linux(f"image-{number}"), linux(f"image-{number}", "arm64"), *windows(f"image-{number}"))
)
HOST_PROCESS = plan_of(
    [variant("windows", image="agent", label="windows/amd64", base="host-process", kind="host-process")]
)
DOCKERFILES = plan_of(
    [
        linux("app", engine="dockerfile", build=None),
        linux("app", "arm64", engine="dockerfile", build=None),
        *windows("app", engine="dockerfile", build=None)[1:],
    ]
)
FETCHED = plan_of([linux("proxy", build=None, fetches=(Fetch(name="a", url="https://example.com/a"),))])
