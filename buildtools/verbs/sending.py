"""What `publish --by-digest` does: the half of publishing that a machine does which builds only a part."""

from collections.abc import Sequence

from buildtools.build import Built
from buildtools.errors import UsageError
from buildtools.handover import Sender
from buildtools.prepare import Prepared
from buildtools.stores.parallel import THREADS
from buildtools.stores.registry import Registries
from buildtools.stores.rehearsal import RehearsalClient
from buildtools.verbs.base import Run
from buildtools.verbs.build import builder
from buildtools.views.publish import requests_summary, requests_table
from buildtools.views.sending import sent_json, sent_table
from buildtools.workspace import Workspace

_ABOUT_TAGS = (
    "tag",
    "image_version",
    "expect_current",
    "move_tags",
    "allow_older",
    "allow_dirty",
    "no_verify",
    "github_output",
)


def refuse_mixed(run: Run) -> None:
    """Raise UsageError for arguments that do not go together."""
    args = run.args
    if args.by_digest and args.from_records:
        hint = "a leg sends with the first, and the job behind all legs joins with the second"
        raise UsageError("--by-digest and --from-records are two steps", hint=hint)
    if args.targets and not args.by_digest:
        hint = "an index holds every variant of its image; send some of them with --by-digest"
        raise UsageError("--targets is for --by-digest", hint=hint)
    for name in _ABOUT_TAGS if args.by_digest else ():
        if getattr(args, name):
            option = f"--{name.replace('_', '-')}"
            hint = "give it to `publish --from-records`, which joins what was sent"
            raise UsageError(f"--by-digest sets no tag, so {option} says nothing", hint=hint)


def send(run: Run, workspace: Workspace, prepared: Prepared, places: Sequence[str]) -> None:
    """Build what may be built, send the chosen variants by digest, and say what became of them."""
    settings = workspace.reach_of_targets
    rehearsal = RehearsalClient(settings) if run.args.dry_run else None
    with run.console.working("rehearsing" if rehearsal else "sending"):
        report = builder(workspace, prepared, full=False, force=False).run()
        report.raise_failures()
        sender = Sender(
            layout=workspace.layout,
            bases=Registries(workspace.reach),
            targets=Registries(settings, client=rehearsal),
            note=run.console.note,
            threads=1 if rehearsal else THREADS,
            holder=workspace.holder,
        )
        results = sender.run(_chosen(report.variants, prepared), places)
    requests = rehearsal.asked if rehearsal else None
    if requests is not None and not run.args.json:
        run.console.table(requests_table(requests))
    run.show(sent_json(results, requests), sent_table(results))
    if requests is not None:
        run.console.note(requests_summary(requests))


def _chosen(variants: Sequence[Built], prepared: Prepared) -> list[Built]:
    """Those that the run was asked for; an image's others may lie in its layout, too."""
    return [built for built in variants if built.target.key in prepared.chosen]
