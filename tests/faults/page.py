"""docs/reference/faults.md, made from the catalogue and from what was measured on other clients."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from tests.faults.case import Case
from tests.faults.catalogue import CASES, GROUPS
from tests.faults.measured import CLIENTS, PULLS, PUSHES, SHOWN, WORDS

_INTRODUCTION: Final = """\
# Faults

What may go wrong between a project and a registry, and what `buildtools` makes of it. Every row is shown by
tests that `nox -s tests` runs, most of them with a whole `publish` through a proxy that breaks things in
front of Debian's docker-registry; the registry itself is then asked what it has. "Published" means that the
command ends with 0 and that the tag is on the complete index.

The rule behind all rows: a tag is absent, on what it was on before, or on a complete index. The same command
run again ends the work and sends no blob that the registry has taken already.

| drawn at random, or run through to the end | `nox -s tests` | `--profile long` |
|---|---|---|
| SIGKILL before and after a request: `publish` of one image, of five, under three tags in two registries, \
and for the first time (pins, build and all); `promote` with referrers; `index create` and `merge`; `rebase` \
| a spread | every request |
| SIGKILL around a step on the disk (fsync, rename, deletion), with pins and without | a spread | every step |
| up to three faults at random requests | 25 schedules | 1,000 |
| three publishers with different contents on one tag | 6 races | 300 |
| three promotions that add to one list of referrers | 4 races | 100 |
| secrets planted in 17 places | 2 a place | 200 a place |

What is tried again: 408, 499, 502, 503, 504, 522 and broken connections (six tries in all), 429 (eight), 500
(three). A pause is drawn at random between nothing and a limit that doubles from one second to thirty.
`Retry-After` is obeyed up to five minutes, or `--max-wait`. An upload or download that gets on begins
counting anew. Any other error ends the command at once, unless a row below says more.
"""

_MEASURED: Final = """\
## Beside other clients

The faults were put in front of docker-registry 2.8.2, one a run, in November 2026. The others pushed a mixed
index of five entries with a layer of 6 MiB (BuildKit what it builds: two Linux entries). `buildtools` pushes
five entries with small layers, so that limits on sizes are set lower for it (PUSH-15). Each column of another
client is what was seen then with the version below.

"""


def page() -> str:
    """The text of the page."""
    parts = [_INTRODUCTION]
    for letter, title in GROUPS.items():
        rows = [_row(case) for case in CASES if case.id.startswith(letter)]
        parts.append(f"## {title}\n\n" + _table(("case", "fault", "outcome", "shown by"), rows))
    parts += [_MEASURED + _clients(), _pushes(), _pulls()]
    return "\n".join(parts)


def _row(case: Case) -> tuple[str, ...]:
    names = dict.fromkeys(_shown(test) for test in case.tests)
    return case.id, case.fault, case.outcome, ", ".join(names)


def _shown(test: str) -> str:
    """A test as the page names it: the file's name and the function."""
    path, _, name = test.partition("::")
    return f"`{path.rpartition('/')[2]}::{name.partition('[')[0]}`"


def _clients() -> str:
    versions = _table(("client", "version"), CLIENTS.items())
    return f"{versions}\n{_table(('word', 'meaning'), WORDS.items())}"


def _pushes() -> str:
    columns = (
        "id", "fault", "right", "buildtools", "crane", "BuildKit", "regctl", "skopeo", "skopeo, 3 retries",
        "oras-py", "dxf",
    )  # fmt: skip
    counts = []
    for place, name in enumerate(columns[3:], start=3):
        found = Counter(_is_right(push[2], push[place]) for push in PUSHES if push[place] != "–")
        counts.append(f"{name} {found[True]} of {found.total()}")
    return f"### Pushes\n\n{_table(columns, PUSHES)}\nRight outcomes: {', '.join(counts)}.\n"


def _is_right(right: str, found: str) -> bool:
    """Whether what was found is one of the right outcomes, such as `OK, or F by name`."""
    return found in right.replace(",", "").split()


def _pulls() -> str:
    columns = ("id", "fault", "right", "buildtools", "crane", "skopeo", "skopeo, 3 retries", "regctl")
    shown = sorted({_shown(test) for test in SHOWN.values()})
    return (
        f"### Pulls\n\n{_table(columns, PULLS)}\nThe column of `buildtools` is shown by {', '.join(shown)}.\n"
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(columns), "|".join("---" for _ in columns), *(" | ".join(row) for row in rows)]
    head, rule, *body = lines
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in body), ""])
