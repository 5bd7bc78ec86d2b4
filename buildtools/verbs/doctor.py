"""The `doctor` verb."""

import argparse

from buildtools.doctor import examine_machine, require
from buildtools.errors import ConfigurationError, UsageError
from buildtools.spec.expand import Project
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.views.doctor import doctor_json, doctor_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    project_argument(parser)
    json_argument(parser)
    parser.add_argument(
        "--require",
        action="extend",
        type=_names,
        default=[],
        metavar="NAMES",
        help="end with 7 where one of these is missing, as docker,wine (repeat for several)",
    )


def run(run: Run) -> None:
    """Say what this machine has, and what it lacks."""
    with run.console.working("looking at this machine"):
        found = examine_machine(run.settings, _project(run))
    run.show(doctor_json(found), doctor_table(found))
    require(found, run.args.require)


def _project(run: Run) -> Project | None:
    """The project here, if there is one and it can be read: a broken one is for `check` to tell."""
    try:
        return run.workspace().project
    except ConfigurationError:
        return None
    except UsageError:
        if run.args.project:
            raise
        return None


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("it names nothing")
    return names
