"""Every kind of node against one index: what each takes, whether it runs there, on which base it stands."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from buildtools.cluster.matchers import Choice, choose, only, runs
from buildtools.cluster.nodes import EVERY_NODE, Node
from buildtools.cluster.runtimes import Runtime
from buildtools.cluster.truth import Verdict
from buildtools.errors import Diagnostic, Severity
from buildtools.oci.descriptor import Descriptor
from buildtools.oci.documents import Index
from buildtools.oci.platform import Platform
from buildtools.oci.validate import entry_order

_MOST_LISTED: Final = 8

_NOTHING_KNOWN: Final = Verdict(state="none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of node: what it takes, and what is known of the base of that."""

    node: Node
    choice: Choice
    verdict: Verdict

    @property
    def runs(self) -> bool:
        """Whether it takes something that runs there."""
        return self.choice.descriptor is not None and self.choice.right


def node_rows(
    index: Index,
    verdicts: Mapping[Descriptor, Verdict],
    nodes: Sequence[Node] = EVERY_NODE,
    *,
    single: bool = False,
) -> tuple[Row, ...]:
    """A row for each of the nodes; `single` where the index is one of an image that stands without."""
    choice = only if single else choose
    return tuple(_row(node, choice(node, index), verdicts) for node in nodes)


def _row(node: Node, choice: Choice, verdicts: Mapping[Descriptor, Verdict]) -> Row:
    taken = choice.descriptor
    return Row(
        node=node, choice=choice, verdict=verdicts.get(taken, _NOTHING_KNOWN) if taken else _NOTHING_KNOWN
    )


def node_findings(index: Index, rows: Sequence[Row]) -> tuple[Diagnostic, ...]:
    """What is wrong for nodes, a sentence for all that have it in common.

    An error where a node takes what does not run there, another entry would, and the rules of an index
    would have led to it; a warning where the node's runtime is at fault under these rules, too; a note
    where a node of an operating system that the index has images for gets nothing that runs.
    """
    ordered = replace(index, manifests=tuple(sorted(index.manifests, key=_key)))
    runtimes: dict[tuple[_Judgement, str], list[Runtime]] = {}
    for row in rows:
        if not row.runs and _concerned(row.node, index):
            key = _judged(row, index, ordered), row.node.name
            runtimes.setdefault(key, []).append(row.node.runtime)
    machines: dict[tuple[_Judgement, str], list[str]] = {}
    for (judgement, name), found in runtimes.items():
        every = [row.node.runtime for row in rows if row.node.name == name]
        machines.setdefault((judgement, named_runtimes(found, every)), []).append(name)
    return tuple(
        Diagnostic(
            code=judgement.code,
            severity=judgement.severity,
            message=f"nodes of {', '.join(names)} with {told} {judgement.text}",
            hint=judgement.hint,
        )
        for (judgement, told), names in machines.items()
    )


def way_out(node: Node, index: Index) -> str:
    """What would let the node run an entry that it does not take; empty where no entry runs there."""
    choice = choose(node, index)
    others = [entry for entry in index.manifests if runs(node, entry, index.manifests)]
    if not others or (choice.descriptor is not None and choice.right):
        return ""
    if choice.descriptor is None:
        newer = f"give these nodes a newer {node.runtime.engine}"
        return newer if node.os == "windows" else f"write it as nodes do: {node.platform}"
    return _hint(node, choice.descriptor, replace(index, manifests=tuple(sorted(index.manifests, key=_key))))


def folded(rows: Sequence[Row], say: Callable[[Row], tuple[str, ...]]) -> list[tuple[str, ...]]:
    """A line for each machine and thing said of it: the machine, what is said, the runtimes that agree."""
    lines: dict[tuple[str, ...], list[Runtime]] = {}
    every: dict[str, list[Runtime]] = {}
    for row in rows:
        lines.setdefault((row.node.name, *say(row)), []).append(row.node.runtime)
        every.setdefault(row.node.name, []).append(row.node.runtime)
    return [(*line, named_runtimes(runtimes, every[line[0]])) for line, runtimes in lines.items()]


def named_runtimes(runtimes: Sequence[Runtime], every: Sequence[Runtime]) -> str:
    """Runtimes by name, as few words as say it: `containerd 1.6.23 and later, docker`.

    An engine alone stands for all of its generations among `every`. `for pods` and `for clients` are said
    where the kubelet's rows and those of the runtime's own command line are not both there.
    """
    names: list[str] = []
    for engine in dict.fromkeys(runtime.engine for runtime in every):
        rows = [row for row in every if row.engine == engine]
        mine = [row for row in rows if row in runtimes]
        if mine == rows:
            names.append(engine)
        elif len({row.since for row in rows}) == 1:
            names += (str(row).replace(", ", " with ") for row in mine)
        elif mine:
            names += _generations(rows, mine)
    return ", ".join(names)


def _generations(rows: Sequence[Runtime], mine: Sequence[Runtime]) -> Iterator[str]:
    """The generations of one engine, those that follow each other as one."""
    clients = [row for row in rows if not row.kubelet]
    left = [row for row in mine if not row.kubelet]
    for run in _runs([row for row in rows if row.kubelet], mine):
        meant = [row for row in clients if _within(row, run)]
        whole = all(row in left for row in meant)
        left = [row for row in left if not (whole and row in meant)]
        yield f"{_span(run)}{'' if whole else ' for pods'}"
    for run in _runs(clients, left):
        yield f"{_span(run)} for clients"


class _Run(NamedTuple):
    """Generations that follow each other; `open` where nothing comes behind the last."""

    first: Runtime
    last: Runtime
    open: bool


def _runs(rows: Sequence[Runtime], mine: Sequence[Runtime]) -> Iterator[_Run]:
    """The longest runs of rows that are in `mine`."""
    start: Runtime | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        if row not in mine:
            continue
        start = start or row
        if following is None or following not in mine:
            yield _Run(start, row, following is None)
            start = None


def _within(row: Runtime, run: _Run) -> bool:
    return run.first.since <= row.since and (run.open or row.since <= run.last.since)


def _span(run: _Run) -> str:
    """`containerd 1.7.6 and later`, `containerd 1.6.0-1.7.5`."""
    first, last = (row.name.removesuffix(", client") for row in (run.first, run.last))
    if first == last:
        return first
    start = first.partition("-")[0]
    return f"{start} and later" if run.open else f"{start}-{last.split()[-1].rpartition('-')[2]}"


class _Judgement(NamedTuple):
    """What is to be said of a node, but for its name."""

    code: str
    severity: Severity
    text: str
    hint: str = ""


def _judged(row: Row, index: Index, ordered: Index) -> _Judgement:
    node, taken = row.node, row.choice.descriptor
    others = [entry for entry in index.manifests if runs(node, entry, index.manifests)]
    if taken is None and others:
        return _Judgement("node-passes-over", "note", f"take nothing, although {_shown(others[0])} would run")
    if taken is None:
        return _Judgement("node-nothing", "note", f"take nothing: {_offer(node, index)}")
    text = f"take {_shown(taken)}, which does not run there"
    if not others:
        return _Judgement("node-unfit", "note", f"{text}, and nothing else would")
    text += f", although {_shown(others[0])} would"
    hint = _hint(node, taken, ordered)
    if choose(node, ordered).right:
        return _Judgement("node-wrong-entry", "error", text, hint)
    return _Judgement("node-limit", "warning", text, hint)


def _hint(node: Node, taken: Descriptor, ordered: Index) -> str:
    """What to do where a node takes what does not run, and another entry would."""
    if choose(node, ordered).right:
        return f"put the entries in this order: {_some(map(_shown, ordered.manifests))}"
    return f"give these nodes an index without {_shown(taken)} under a name of its own"


def _concerned(node: Node, index: Index) -> bool:
    """Whether the index has anything for the node's operating system."""
    systems = {entry.platform.os.lower() for entry in index.manifests if entry.platform}
    return node.os in systems


def _offer(node: Node, index: Index) -> str:
    offered = [
        _shown(entry) for entry in index.manifests if entry.platform and entry.platform.os.lower() == node.os
    ]
    return f"for {node.os} the index offers {_some(offered)}"


def _key(entry: Descriptor) -> tuple[object, ...]:
    return entry_order(entry.platform or Platform(os="", architecture=""))


def _some(texts: Iterable[str]) -> str:
    """The first few of them, each once, and how many more there are."""
    found = list(dict.fromkeys(texts))
    rest = [f"{len(found) - _MOST_LISTED} more"] if len(found) > _MOST_LISTED else []
    return ", ".join([*found[:_MOST_LISTED], *rest])


def _shown(entry: Descriptor) -> str:
    return str(entry.platform) if entry.platform else "an entry without a platform"
