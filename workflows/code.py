"""Check this repository's own code, on every operating system that people use it on."""

from buildtools.plan import Plan
from buildtools.workflow import jobs, steps
from buildtools.workflow.model import Job, Matrix, Step, Workflow
from buildtools.workflow.runners import LINUX, WINDOWS

NOX = Step(name="Install nox", run=steps.locked("requirements/nox.txt"))


def linux() -> Job:
    """Style, types, workflows, and all tests beside every real component."""
    return Job(
        id="linux",
        name="Lint and test",
        runs_on=LINUX,
        timeout=60,
        permissions=(jobs.READ,),
        steps=(steps.checkout(), steps.python(), Step(name="Lint and test", run="bash .ci/run")),
    )


def windows() -> Job:
    """The unit tests; the components of the others are programs for Linux."""
    return Job(
        id="windows",
        name="Test on ${{ matrix.runner }}",
        matrix=Matrix(axes={"runner": tuple(WINDOWS)}),
        runs_on="${{ matrix.runner }}",
        timeout=60,
        permissions=(jobs.READ,),
        shell_="bash",
        steps=(
            steps.line_ends(if_=""),
            steps.checkout(),
            steps.python(),
            NOX,
            Step(name="Test", run="python -m nox -s tests -- tests/unit"),
        ),
    )


def workflow(_: Plan) -> Workflow:
    """All of it on every push and pull request."""
    return Workflow(
        name="code",
        on=jobs.events(branch="main"),
        concurrency=jobs.PER_RUN,
        jobs=jobs.gated(linux(), windows()),
    )
