"""Jobs of a workflow for prepared bases: images whose Dockerfile runs commands in Windows.

Only these need a Windows machine of their own release. They are built once a month and where their files
change, and published under a tag that the daily images stand on, whose own layers any Linux assembles.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from buildtools.errors import ConfigurationError
from buildtools.plan import Plan
from buildtools.workflow import jobs, steps
from buildtools.workflow.jobs import READ
from buildtools.workflow.legs import DEFAULT_LEGS, pack
from buildtools.workflow.model import Concurrency, Job, Matrix, Step, Trigger
from buildtools.workflow.rules import unbuildable
from buildtools.workflow.runners import LINUX
from buildtools.workflow.steps import TOOL, Tool

AFTER_PATCHES: Final = "17 19 * * 3"
"""Each Wednesday evening; `pins` lets only the one through that follows the second Tuesday of a month."""

PER_BRANCH: Final = Concurrency(group="${{ github.workflow }}-${{ github.ref }}")

DUE: Final = "needs.pins.outputs.due == 'true'"
PUBLISHES: Final = "needs.pins.outputs.publishes == 'true'"
"""A run that somebody starts on another branch builds what is there, and publishes nothing."""
_PINS: Final = "pins"
_ALL: Final = re.compile(r"^python -m buildtools (?:plan|publish)\b", re.MULTILINE)
"""Commands that are about all images where none are named."""

_DUE: Final = """\
day=$(date --utc +%-d)
due=true
if [ "$EVENT" = schedule ] && { [ "$day" -lt 9 ] || [ "$day" -gt 15 ]; }; then
  echo "the second Tuesday of the month was not yesterday"
  due=false
fi
publishes=$due
if [ "$BRANCH" != "refs/heads/$PUBLISHED" ]; then
  echo "what is built on $BRANCH is not published, only what is on $PUBLISHED"
  publishes=false
fi
printf '%s\n' "due=$due" "publishes=$publishes" >>"$GITHUB_OUTPUT"
"""


def of(plan: Plan) -> Plan:
    """The targets of all images that a Dockerfile builds in Windows, those for Linux among them.

    An index is published whole, so all variants of an image are built in one run.
    """
    names = {
        target.variant.image
        for target in plan.targets
        if target.variant.engine == "dockerfile" and target.variant.platform.os == "windows"
    }
    return Plan(targets=tuple(target for target in plan.targets if target.variant.image in names))


def images(plan: Plan) -> tuple[str, ...]:
    """The names of these images, each once."""
    return tuple(dict.fromkeys(target.variant.image for target in of(plan).targets))


def events(plan: Plan, *, branch: str = "main", cron: str = AFTER_PATCHES) -> tuple[Trigger, ...]:
    """Once a month, where files of these images or the pins change, and whenever somebody asks for it."""
    folders = dict.fromkeys(f"{target.variant.folder}/**" for target in of(plan).targets)
    return (
        Trigger(event="schedule", crons=(cron,)),
        Trigger(
            event="push",
            branches=(branch,),
            paths=(*folders, "images/defaults.yaml", "images/pins.json"),
        ),
        Trigger(event="workflow_dispatch"),
    )


def daily(plan: Plan) -> Plan:
    """The targets of all other images."""
    chosen = {*images(plan)}
    return Plan(targets=tuple(target for target in plan.targets if target.variant.image not in chosen))


def pins(plan: Plan, *, tool: Tool = TOOL, branch: str = "main") -> Job:
    """Say whether a build is due and published, and hand on the pins that all jobs of this run use.

    On a push those of the commit are used; otherwise the pins of these images move first, or the build
    would be the last one's again.
    """
    due, moving = "steps.due.outputs.due == 'true'", "github.event_name != 'push'"
    return Job(
        id="pins",
        name="Move the pins of prepared bases",
        runs_on=LINUX,
        timeout=15,
        permissions=(READ,),
        outputs={name: f"${{{{ steps.due.outputs.{name} }}}}" for name in ("due", "publishes")},
        steps=(
            Step(
                name="Look at the day",
                id="due",
                env={
                    "EVENT": "${{ github.event_name }}",
                    "BRANCH": "${{ github.ref }}",
                    "PUBLISHED": branch,
                },
                run=_DUE,
            ),
            *(replace(step, if_=due) for step in tool.setup(history=False)),
            steps.tool("Move the pins", f"pins {_names(plan)} --update", if_=f"{due} && {moving}"),
            steps.upload(_PINS, "images/pins.json", if_=due),
        ),
    )


def build(plan: Plan, *, tool: Tool = TOOL, legs: int = DEFAULT_LEGS) -> Job:
    """Build them, each Windows release on a machine of its own; the legs are known before the run.

    Raises ConfigurationError for a release that GitHub has no machine of.
    """
    chosen = of(plan)
    if faults := [*unbuildable(chosen)]:
        raise ConfigurationError(*faults)
    job = jobs.build(chosen, tool=tool)
    return replace(
        job,
        needs=("pins",),
        if_=DUE,
        matrix=Matrix(include=tuple(leg.to_json() for leg in pack(chosen.targets, most=legs))),
        timeout=120,
        steps=_with_pins(job.steps, "Build"),
    )


def publish(plan: Plan, *, tag: str = "latest", tool: Tool = TOOL, environment: str = "") -> Job:
    """Publish them under the tag that other images stand on.

    No other tag is set: pins that this run has moved are in no commit that a tag could name.
    """
    job = jobs.publish(tool=tool, environment=environment)

    def only(step: Step) -> Step:
        if step.id != "publish":
            return step
        return replace(step, run=step.run.replace("publish", f"publish {_names(plan)} --tag {tag}", 1))

    return replace(
        job,
        needs=("pins", "build"),
        if_=PUBLISHES,
        steps=_with_pins([only(step) for step in job.steps], "Publish by digest, then tag"),
    )


def attest(plan: Plan, *, host: str = "ghcr.io") -> Job:
    """Sign where each of them was built."""
    return replace(jobs.attest(of(plan), host=host), needs=("pins", "publish"), if_=PUBLISHES)


def prove(plan: Plan, *, tool: Tool = TOOL, host: str = "ghcr.io") -> Job:
    """Pull each of them on the machines that it is for."""
    return replace(jobs.prove(of(plan), tool=tool, host=host), needs=("pins", "publish"), if_=PUBLISHES)


def left_out(plan: Plan, *others: Job) -> tuple[Job, ...]:
    """The jobs of a workflow that plans and publishes everything, for all images but these.

    They are made of the Plan `daily`; where that is empty, the workflow has nothing to do.
    """
    names = " ".join(dict.fromkeys(target.variant.image for target in daily(plan).targets))

    def named(step: Step) -> Step:
        return replace(step, run=_ALL.sub(rf"\g<0> {names}", step.run, count=1))

    if not images(plan):
        return others
    return tuple(replace(job, steps=tuple(map(named, job.steps))) for job in others)


def _names(plan: Plan) -> str:
    return " ".join(images(plan))


def _with_pins(given: Sequence[Step], before: str) -> tuple[Step, ...]:
    """The steps, with the pins of this run brought right before the step of this name."""
    place = next(number for number, step in enumerate(given) if step.name == before)
    return (*given[:place], replace(steps.download(_PINS, "images"), name="Bring the pins"), *given[place:])
