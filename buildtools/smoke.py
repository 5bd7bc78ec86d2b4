"""The `smoke` verb: the lifecycle contract of built images, on every tier that this machine has.

A case is one variant of an image, wherever it lies. Its files and config are looked at first; then each tier
starts it, or says why it cannot.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, Literal

from buildtools.errors import AuthenticationError, BuildError, MissingToolError, UnavailableError
from buildtools.oci.config import ImageConfig
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Manifest
from buildtools.spec.model import LifecycleSpec
from buildtools.spec.variant import Variant
from buildtools.tiers import TIERS, TierRow
from buildtools.tiers.base import Choosy, Contract, Outcome, Tier
from buildtools.tiers.checks import check_image
from buildtools.tiers.story import hold
from buildtools.tiers.unpack import unpack

CHECKS: Final = "checks"
"""What stands for a tier in the result of looking at files and config."""
NO_CONTRACT: Final = "its definition has no lifecycle"
_AT_ONCE: Final = 4
"""Contracts that are tried side by side: more would slow each other until one misses its time."""
_NOT_ASKED: Final = "it is tried only where --tier names it"
_NO_REFERENCE: Final = "it pulls: name a published image, as in ghcr.io/acme/app@sha256:..."

State = Literal["kept", "broken", "not tried"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One variant as it is built: its documents, how its layers are opened, and its definition.

    `own` are the layers that stand on the base's. `reference` names where it is published, with a digest.
    """

    variant: Variant
    manifest: Manifest
    config: ImageConfig
    own: tuple[Descriptor, ...]
    open_blob: Callable[[Descriptor], BinaryIO] = field(compare=False)
    reference: str = ""

    @property
    def name(self) -> str:
        """`whoami linux/amd64`."""
        return f"{self.variant.image} {self.variant.label}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one tier says of one case; `outcome` is None where it was not tried, and `reason` says why.

    `seconds` is how long it took.
    """

    case: Case
    tier: str
    outcome: Outcome | None = None
    reason: str = ""
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """One word for it."""
        if self.outcome is None:
            return "not tried"
        return "kept" if self.outcome.kept else "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeReport:
    """All results, in the order of the cases, and the tiers that were asked for by name."""

    results: tuple[Result, ...]
    asked: tuple[str, ...] = ()

    @property
    def tried(self) -> tuple[Result, ...]:
        """What was started somewhere, well or not."""
        return tuple(one for one in self.results if one.outcome and one.tier != CHECKS)

    @property
    def broken(self) -> tuple[Result, ...]:
        """What is wrong."""
        return tuple(one for one in self.results if one.state == "broken")

    def reasons(self, tier: str) -> tuple[str, ...]:
        """Why a tier did not try some cases, each reason once."""
        found = (one.reason for one in self.results if one.tier == tier and one.outcome is None)
        return tuple(dict.fromkeys(found))

    def raise_missing(self) -> None:
        """Raise MissingToolError for tiers that were asked for, or all of them, and tried nothing."""
        did = {one.tier for one in self.tried}
        every = dict.fromkeys(one.tier for one in self.results if one.tier != CHECKS)
        wanted = self.asked or (() if did else every)
        lacking = [f"{name} ({', '.join(self.reasons(name))})" for name in wanted if name not in did]
        if lacking:
            raise MissingToolError(
                f"nothing was tried on {' and '.join(lacking)}",
                hint="see `buildtools doctor` for what this machine has",
            )


@dataclass(kw_only=True)
class Smoker:
    """Tries cases on tiers; `asked` are the tiers that a person has named, empty for all usual ones."""

    tiers: Mapping[str, Tier]
    asked: tuple[str, ...] = ()
    note: Callable[[str], None] = lambda _text: None
    jobs: int | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self, cases: Sequence[Case]) -> SmokeReport:
        """Look at every case, then start all of them; raises BuildError where a layer cannot be read.

        Everything is unpacked before the first program is started: a file that is still open for writing
        in a process that is just being started would be busy (ETXTBSY).
        """
        rows = [row for row in TIERS if not self.asked or row.name in self.asked]
        with ExitStack() as folders:
            results: list[Result] = []
            waiting: list[tuple[int, Case, TierRow, Contract]] = []
            for case in cases:
                refusals = {row.name: self._refusal(case, row) for row in rows}
                contract, checks = self._prepared(case, refusals, folders)
                results.append(checks)
                for row in rows:
                    reason = refusals[row.name] or self._choice(row, contract)
                    if not reason:
                        waiting.append((len(results), case, row, contract))
                    results.append(Result(case=case, tier=row.name, reason=reason))
            for place, result in self._tried(waiting):
                results[place] = result
        return SmokeReport(results=tuple(results), asked=self.asked)

    def _refusal(self, case: Case, row: TierRow) -> str:
        """Why the tier cannot try the case, as far as its files need not be there to know."""
        if case.variant.lifecycle is None:
            return NO_CONTRACT
        if row.asked and row.name not in self.asked:
            return _NOT_ASKED
        if row.need == "reference" and not case.reference:
            return _NO_REFERENCE
        return self.tiers[row.name].unavailable(case.config)

    def _choice(self, row: TierRow, contract: Contract) -> str:
        tier = self.tiers[row.name]
        return tier.refuses(contract) if isinstance(tier, Choosy) else ""

    def _prepared(self, case: Case, refusals: dict[str, str], folders: ExitStack) -> tuple[Contract, Result]:
        """The contract with the case's files below its root, and what they say before anything is started.

        Where files cannot be laid out, `refusals` get the reason for all tiers that take files.
        """
        start = time.monotonic()
        folder = Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="buildtools-")))
        # The image's own user comes through to its files.
        folder.chmod(0o755)
        takers = [row.name for row in TIERS if row.need == "files" and not refusals.get(row.name, "no")]
        root = folder / "own"
        reason = _laid_out(case, case.own, root)
        checks = Result(case=case, tier=CHECKS, reason=reason)
        if not reason:
            checks = replace(checks, outcome=_checked(case, root))
            if takers and _needs_base(case, root):
                root = folder / "all"
                reason = _laid_out(case, case.manifest.layers, root)
        refusals |= dict.fromkeys(takers if reason else (), reason)
        contract = Contract(
            name=case.name,
            config=case.config,
            root=root,
            lifecycle=case.variant.lifecycle or LifecycleSpec(),
            manifest=case.manifest,
            open_blob=case.open_blob,
            reference=case.reference,
            cancelled=self._cancelled,
        )
        return contract, replace(checks, seconds=time.monotonic() - start)

    def _tried(self, waiting: Sequence[tuple[int, Case, TierRow, Contract]]) -> Iterator[tuple[int, Result]]:
        """All contracts, several at a time; an interrupt ends what runs before it goes on."""
        threads = min(self.jobs or os.cpu_count() or 2, _AT_ONCE)
        with ThreadPoolExecutor(threads) as pool:
            futures = [
                (place, pool.submit(self._try, case, row, contract)) for place, case, row, contract in waiting
            ]
            try:
                for place, future in futures:
                    yield place, future.result()
            except BaseException:
                self._cancelled.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _try(self, case: Case, row: TierRow, contract: Contract) -> Result:
        self.note(f"{case.name}: {row.name}")
        start = time.monotonic()
        outcome = hold(contract, self.tiers[row.name])
        return Result(case=case, tier=row.name, outcome=outcome, seconds=time.monotonic() - start)


def _checked(case: Case, root: Path) -> Outcome:
    found = check_image(case.variant, case.config, root)
    return Outcome(
        findings=tuple(str(one) for one in found if one.severity == "error"),
        remarks=tuple(str(one) for one in found if one.severity != "error"),
    )


def _laid_out(case: Case, layers: Sequence[Descriptor], root: Path) -> str:
    """Write what the layers hold below `root`, which is made; gives why it cannot, else nothing."""
    root.mkdir()
    root.chmod(0o755)
    linux = case.config.platform.os == "linux"
    try:
        with ExitStack() as blobs:
            opened = [blobs.enter_context(case.open_blob(layer)) for layer in layers]
            unpack(opened, root, windows=not linux, owners=linux and _is_root())
    except (BuildError, AuthenticationError, UnavailableError) as error:
        return f"its files cannot be laid out here: {error.message}"
    return ""


def _needs_base(case: Case, root: Path) -> bool:
    """Whether a Linux program cannot do with the image's own layers: it, or its user's name, is the base's.

    A base lies in a registry, and most programs need nothing of it.
    """
    config = case.config
    if config.platform.os != "linux" or case.own == case.manifest.layers:
        return False
    program = (*config.entrypoint, *config.cmd)[:1]
    names = [name for name in config.user.split(":") if not name.isdigit()]
    return any(names) or any(not os.path.lexists(root / name.lstrip("/")) for name in program)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
