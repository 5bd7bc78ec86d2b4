"""Targets packed into the legs of a matrix: as few as the work fills, what belongs together in one leg.

Variants of an image for one operating system and architecture share a compile and a layer, so a leg takes
all of them or none. Costs are estimates in seconds; only their relation counts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from buildtools.errors import BuildError
from buildtools.plan import LINUX_RUNNERS, Target
from buildtools.spec.variant import OWN, Key
from buildtools.windows.releases import RELEASES
from buildtools.workflow.rules import MOST_LEGS, MOST_OUTPUT, output_bytes

LEG_SECONDS: Final = 300
"""How much work is worth a machine of its own, which takes about a minute to get ready."""

DEFAULT_LEGS: Final = 20
"""How many jobs a free account runs at once."""

SUBJECTS: Final = 8
"""How many indexes and images a leg attests: one step each, and a machine takes longer to get ready."""

_COMPILE: Final = 60
_FETCH: Final = 20
_DOCKERFILE: Final = 600
_ASSEMBLE: Final = 2
_WINDOWS: Final = frozenset(row.hosted_runner for row in RELEASES if row.hosted_runner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg: a name that is fit for an artifact, the machine, and what is built there."""

    name: str
    runner: str
    targets: tuple[Target, ...]

    def to_json(self) -> dict[str, Any]:
        """The leg as a matrix has it: `targets` is what `build --targets` takes."""
        return {
            "name": self.name,
            "runner": self.runner,
            "os": "windows" if self.runner in _WINDOWS else "linux",
            "targets": " ".join(target_name(target) for target in self.targets),
        }


def target_name(target: Target) -> str:
    """`whoami@windows/amd64:ltsc2022`, one word of `build --targets`."""
    return f"{target.variant.image}@{target.variant.label}"


def pack(targets: Iterable[Target], *, most: int = DEFAULT_LEGS) -> list[Leg]:
    """The legs for these targets, at most `most` of them for each kind of machine.

    What stands on an image of this run whose Dockerfile does not give the same bytes twice is assembled
    where that is built.

    Raises BuildError where no machine can build a target, or where they would be more than a matrix takes.
    """
    machines: dict[str, dict[tuple[str, str, str], list[Target]]] = {}
    chosen = [*targets]
    known = {target.key: target for target in chosen}
    for target in chosen:
        if not target.runner:
            hint = "build it on a machine of your own, or describe it with `files`"
            raise BuildError(f"GitHub has no machine that can build {target.name}", hint=hint)
        home = _home(target, known)
        platform = home.variant.platform
        key = (home.variant.image, platform.os, platform.architecture)
        machines.setdefault(home.runner, {}).setdefault(key, []).append(target)
    legs = [
        leg for runner, units in machines.items() for leg in _packed(runner, [*units.values()], most=most)
    ]
    if len(legs) > MOST_LEGS:
        raise BuildError(f"{len(legs)} legs are more than the {MOST_LEGS} of a matrix", hint="lower --legs")
    return legs


def _home(target: Target, known: Mapping[Key, Target]) -> Target:
    """The lowest target of this run that this one stands on and that only one machine should build."""
    home, below = target, target
    # A base whose digest is known is published, and taken from there.
    while below.base.reference.startswith(OWN) and not below.base.digest:
        name = below.base.reference.removeprefix(OWN)
        found = known.get((name, below.variant.label))
        if found is None:
            break
        below = found
        if below.variant.engine == "dockerfile":
            home = below
    return home


def _packed(runner: str, units: Sequence[Sequence[Target]], *, most: int) -> list[Leg]:
    """Units onto machines of one kind: the costliest first, each to the leg that has least to do."""
    costs = [_cost(unit) for unit in units]
    count = min(max(1, math.ceil(sum(costs) / LEG_SECONDS)), most, len(units))
    loads = [0] * count
    chosen: list[list[int]] = [[] for _ in range(count)]
    for number in sorted(range(len(units)), key=lambda number: -costs[number]):
        least = loads.index(min(loads))
        loads[least] += costs[number]
        chosen[least].append(number)
    return [
        Leg(
            name=f"{runner.replace('.', '-')}-{number}",
            runner=runner,
            targets=tuple(target for unit in sorted(numbers) for target in units[unit]),
        )
        for number, numbers in enumerate(chosen, start=1)
    ]


def _cost(unit: Sequence[Target]) -> int:
    """Seconds for variants that share a compile; each Dockerfile runs by itself."""
    first = unit[0].variant
    shared = (_COMPILE if first.build else 0) + _FETCH * len(first.fetches)
    return shared + sum(_DOCKERFILE if one.variant.engine == "dockerfile" else _ASSEMBLE for one in unit)


def machines(targets: Iterable[Target]) -> list[dict[str, str]]:
    """The kinds of machines that images are proven on, as legs of a matrix: runner and operating system.

    One for each architecture of Linux, and every Windows machine where there is an image for Windows: a
    newer Windows takes what an older one takes, or something better.
    """
    platforms = {(one.variant.platform.os, one.variant.platform.architecture) for one in targets}
    found = [
        {"runner": runner, "os": "linux"}
        for architecture, runner in LINUX_RUNNERS.items()
        if ("linux", architecture) in platforms
    ]
    if any(os == "windows" for os, _ in platforms):
        found += [{"runner": row.hosted_runner, "os": "windows"} for row in RELEASES if row.hosted_runner]
    return found


def attest_legs(subjects: Sequence[tuple[str, str, str]], *, size: int = SUBJECTS) -> list[dict[str, Any]]:
    """What is attested, so many a leg: image, repository and digest of each, in their order.

    A leg has `subjects`, each with `name` and `digest`, and `images` for a person. Raises BuildError where
    there would be more legs than a matrix takes.
    """
    legs = []
    for start in range(0, len(subjects), size):
        chosen = subjects[start : start + size]
        names = list(dict.fromkeys(image for image, _, _ in chosen))
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        legs.append(
            {
                "images": f"{names[0]}{more}",
                "subjects": [{"name": name, "digest": digest} for _, name, digest in chosen],
            }
        )
    if len(legs) > MOST_LEGS:
        raise BuildError(
            f"{len(subjects)} indexes and images are more than {MOST_LEGS} legs attest",
            hint="name fewer images, or make one workflow for each group of them",
        )
    return legs


def check_output(name: str, text: str) -> None:
    """Raise BuildError for an output that GitHub would refuse."""
    if (size := output_bytes(name, text)) > MOST_OUTPUT:
        raise BuildError(
            f"the output {name} has {size:,} bytes, and {MOST_OUTPUT:,} may be",
            hint="name fewer images, or make one workflow for each group of them",
        )
