"""The `pins` verb."""

import argparse

from buildtools import pinning
from buildtools import tags as tagging
from buildtools.errors import ChangesFound, UsageError, VerificationError
from buildtools.pins import Pins, diff
from buildtools.prepare import Choice
from buildtools.verbs.base import (
    Run,
    append_outputs,
    images_argument,
    json_argument,
    platforms_argument,
    project_argument,
    wait_argument,
)
from buildtools.views.findings import SCHEMA
from buildtools.workflow.dependabot import COOLDOWN_DAYS
from buildtools.workspace import Workspace


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's own arguments."""
    for add in (project_argument, images_argument, platforms_argument, json_argument, wait_argument):
        add(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--check", action="store_true", help="change nothing; exit with 3 when a pin is stale")
    parser.add_argument(
        "--github-output",
        action="store_true",
        help="append to $GITHUB_OUTPUT whether a pin is another one now, as moved",
    )
    group.add_argument("--update", action="store_true", help="move every pin to what its tag means today")
    parser.add_argument(
        "--actions",
        action="store_true",
        help="instead of bases look up the actions of the workflows on GitHub, and write newer versions of "
        "them into workflows/actions.json",
    )
    parser.add_argument("--major", action="store_true", help="with --actions: take other major versions, too")
    parser.add_argument(
        "--cooldown",
        type=_days,
        metavar="DAYS",
        help="with --actions: take no version that has not been out for so long "
        f"(default: {COOLDOWN_DAYS}, as dependabot.yml says)",
    )


def run(run: Run) -> None:
    """Resolve bases and fetched assets to digests, or actions to commits."""
    args = run.args
    if args.actions:
        if args.images or args.platform or args.update:
            raise UsageError(
                "--actions looks up all actions", hint="leave out images, --platform and --update"
            )
        _actions(run)
        return
    if args.major or args.cooldown is not None:
        raise UsageError("--major and --cooldown are about actions", hint="add --actions")
    workspace, choice = run.workspace(), run.choice()
    with run.console.working("asking registries"):
        old, new = pinning.resolve(workspace, choice, move=args.update or args.check)
        new, notes = _own(workspace, choice, new)
    for note in notes:
        run.console.note(note)
    changes = diff(old, new)
    if args.json:
        run.json({"schema": SCHEMA, "changes": list(changes), "saved": bool(changes) and not args.check})
    else:
        for change in changes or (
            "every pin is up to date" if args.check or args.update else "all is pinned",
        ):
            run.console.print(change)
    if changes and not args.check:
        workspace.save_pins(new)
    if args.github_output:
        append_outputs(run.settings.github_output, {"moved": bool(changes)})
    if changes and args.check:
        raise ChangesFound(f"{len(changes)} pins are stale", hint="run `buildtools pins --update`")


def _actions(run: Run) -> None:
    from buildtools.actions import FILE, look, save  # not for those who only pin bases
    from buildtools.sources.github import GitHub
    from buildtools.stores.retry import Clock
    from buildtools.views.pins import actions_json, actions_table

    root, now = run.workspace().root, Clock().now()
    cooldown = COOLDOWN_DAYS if run.args.cooldown is None else run.args.cooldown
    github = GitHub(run.settings)
    try:
        with run.console.working(f"asking {github.host}"):
            looked = look(root, github, now=now, cooldown=cooldown, any_major=run.args.major)
    finally:
        github.close()
    wrong = tuple(one.finding for one in looked if one.finding)
    moves = [one for one in looked if one.now != one.new]
    saved = bool(moves) and not wrong and not run.args.check
    if saved:
        save(root, looked, now=now)
    run.show(actions_json(looked, saved=saved), actions_table(looked))
    if run.args.github_output:
        append_outputs(run.settings.github_output, {"moved": saved})
    if wrong:
        raise VerificationError(
            f"{len(wrong)} of {len(looked)} actions are not what they are pinned as; nothing is written",
            diagnostics=wrong,
        )
    if moves and run.args.check:
        text = f"{len(moves)} of {len(looked)} actions have newer versions"
        raise ChangesFound(text, hint="run `nox -s pins -- --actions`")
    if saved:
        run.console.note(f"{FILE} is written: run `nox -s workflows` and commit both")


def _days(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to 9999")
    return int(text)


def _own(workspace: Workspace, choice: Choice, pins: Pins) -> tuple[Pins, tuple[str, ...]]:
    """What others of the project stand on, as it is published under the last of its tags."""
    names = list(dict.fromkeys(variant.image for variant in pinning.own_bases(workspace, choice)))
    if not names:
        return pins, ()
    chosen = tagging.choose(workspace, names, (), tagging.facts(workspace))
    tags = {name: every[-1].name for name, every in chosen.items()}
    return pinning.resolve_own(workspace, choice, pins, tags)
