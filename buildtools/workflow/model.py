"""A workflow as a value: the words are GitHub's, and only what is worth generating can be said.

Texts may hold expressions (`${{ github.ref }}`) wherever GitHub takes them. `if_`, `with_` and `shell_`
are GitHub's `if`, `with` and `shell`: two are words of Python, and linters take the third for a subprocess.

Source: github/docs:content/actions/reference/workflows-and-actions/workflow-syntax.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Value = str | int | bool
Level = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A published action at one commit; `version` is what people call that commit."""

    name: str
    version: str
    sha: str

    @property
    def reference(self) -> str:
        """`actions/checkout@<40 hexadecimal digits>`."""
        return f"{self.name}@{self.sha}"


@dataclass(frozen=True, slots=True)
class Permission:
    """What a job's token may do, and why the job needs it."""

    scope: str
    level: Level
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """Runs of one group wait for each other; `queue` `max` keeps all that wait instead of the newest."""

    group: str
    cancel_in_progress: bool | str = False
    queue: Literal["", "single", "max"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a person or a calling workflow gives."""

    description: str
    type: Literal["string", "boolean", "number", "choice"] = "string"
    required: bool = False
    default: Value | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a reusable workflow gives back."""

    description: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What a calling workflow hands on."""

    description: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """An event that starts the workflow; `crons` are for `schedule`, the last three for `workflow_call`."""

    event: str
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()
    inputs: Mapping[str, Input] = field(default_factory=dict, hash=False)
    outputs: Mapping[str, Output] = field(default_factory=dict, hash=False)
    secrets: Mapping[str, Secret] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """The legs of a job: either axes and single legs that are known now, or an expression.

    `expression` gives the whole matrix as JSON when the workflow runs, `${{ fromJSON(...) }}`.
    """

    axes: Mapping[str, tuple[Value, ...]] = field(default_factory=dict, hash=False)
    include: tuple[Mapping[str, Value], ...] = field(default=(), hash=False)
    expression: str = ""
    max_parallel: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: a command (`run`) or an action (`uses`); a text as `uses` is a path in this repository."""

    name: str
    id: str = ""
    if_: str = ""
    uses: Action | str | None = None
    with_: Mapping[str, Value] = field(default_factory=dict, hash=False)
    run: str = ""
    shell_: str = ""
    env: Mapping[str, Value] = field(default_factory=dict, hash=False)
    working_directory: str = ""
    continue_on_error: bool = False
    timeout: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job. `timeout` is in minutes; `permissions` left empty means none at all.

    A job that calls a reusable workflow has `uses` with its path, `with_` and `secrets`, and neither a
    runner nor steps nor a timeout.
    """

    id: str
    name: str
    runs_on: str | tuple[str, ...] = ""
    timeout: int = 0
    permissions: tuple[Permission, ...] = ()
    needs: tuple[str, ...] = ()
    if_: str = ""
    matrix: Matrix | None = None
    fail_fast: bool = False
    concurrency: Concurrency | None = None
    environment: str = ""
    continue_on_error: bool | str = False
    outputs: Mapping[str, str] = field(default_factory=dict, hash=False)
    env: Mapping[str, Value] = field(default_factory=dict, hash=False)
    shell_: str = ""
    steps: tuple[Step, ...] = ()
    uses: str = ""
    with_: Mapping[str, Value] = field(default_factory=dict, hash=False)
    secrets: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One file below .github/workflows.

    `labels` are runners of one's own that jobs may name; `artifacts` and `images` are checked in addition
    to what the steps say: names that are only known when the workflow runs, and repositories that it
    publishes to.
    """

    name: str
    on: tuple[Trigger, ...]
    jobs: tuple[Job, ...]
    run_name: str = ""
    concurrency: Concurrency | None = None
    permissions: tuple[Permission, ...] = ()
    env: Mapping[str, Value] = field(default_factory=dict, hash=False)
    shell_: str = ""
    labels: frozenset[str] = frozenset()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """What a module gives in place of a workflow where the project has no use for it; `reason` says why."""

    reason: str


def steps(workflow: Workflow) -> Sequence[tuple[Job, Step]]:
    """Every step with its job, in their order."""
    return [(job, step) for job in workflow.jobs for step in job.steps]
