"""Jobs of a workflow that keeps published images on patched bases, without a build.

`pins` moves the pins in its own checkout; where none has moved, all else is left out. `rebase` writes new
indexes without tags, `prove` lets real machines pull them, and only then `publish` moves the tags, each
while it stands on what was rebased. `propose` opens a pull request with the pins.
"""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import jobs, steps, supply
from buildtools.workflow.jobs import READ
from buildtools.workflow.model import Concurrency, Job, Permission, Step, Trigger
from buildtools.workflow.runners import LINUX
from buildtools.workflow.steps import TOOL, Tool
from buildtools.workflow.supply import SYFT, Command

AFTER_PATCHES: Final = "17 18 * * 3"
"""Each Wednesday evening (UTC). Windows bases are patched on the second Tuesday of a month, which a cron
cannot say; the day after it is one of these Wednesdays, and on the others Linux bases may have moved."""

ONE_AT_A_TIME: Final = Concurrency(group="${{ github.workflow }}")

MOVED: Final = "needs.pins.outputs.moved == 'true'"
REBASED: Final = "needs.rebase.outputs.any == 'true'"

BRANCH: Final = "buildtools/pins"
_PINS: Final = "pins"

# `gh pr edit` reads more of a pull request than this token may, so its body is set by the API itself.
_PROPOSE: Final = """\
git config user.name "github-actions[bot]"
git config user.email "41898282+github-actions[bot]@users.noreply.github.com"
git switch --quiet --force-create "$BRANCH"
git add images/pins.json
git commit --quiet --message "$TITLE"
gh auth setup-git
git push --quiet --force origin "HEAD:refs/heads/$BRANCH"
sed 's/^/- /' changes.txt >body.md
number=$(gh pr list --head "$BRANCH" --base "$BASE" --state open --json number --jq '.[].number')
if [ -n "$number" ]; then
  gh api "repos/$GH_REPO/pulls/$number" --method PATCH --field body=@body.md --silent
else
  gh pr create --head "$BRANCH" --base "$BASE" --title "$TITLE" --body-file body.md
fi
"""


def events(*, cron: str = AFTER_PATCHES) -> tuple[Trigger, ...]:
    """Each week on the day after a Patch Tuesday could have been, and whenever somebody asks for it."""
    return (Trigger(event="schedule", crons=(cron,)), Trigger(event="workflow_dispatch"))


def pins(*, tool: Tool = TOOL) -> Job:
    """Move every pin to what its tag means today, and hand on what came of it where one has moved."""
    return Job(
        id="pins",
        name="Move the pins",
        runs_on=LINUX,
        timeout=15,
        permissions=(READ,),
        shell_="bash",
        outputs={"moved": "${{ steps.pins.outputs.moved }}"},
        steps=(
            *tool.setup(history=False),
            Step(
                name="Ask what bases there are",
                id="pins",
                run="python -m buildtools pins --update --github-output | tee changes.txt",
            ),
            steps.upload(_PINS, "images/pins.json", "changes.txt", if_="steps.pins.outputs.moved == 'true'"),
        ),
    )


def rebase(*, tags: Sequence[str], tool: Tool = TOOL) -> Job:
    """Put what stands under these tags on the newest bases; the new indexes have no tags yet."""
    chosen = " ".join(f"--published {shlex.quote(tag)}" for tag in tags)
    return Job(
        id="rebase",
        name="Rebase",
        needs=("pins",),
        if_=MOVED,
        runs_on=LINUX,
        timeout=60,
        permissions=(READ, Permission("packages", "write", "push images on newer bases, without tags")),
        outputs={name: f"${{{{ steps.rebase.outputs.{name} }}}}" for name in ("any", "images")},
        steps=(
            *tool.setup(history=False),
            steps.tool(
                "Put images on newer bases",
                f"rebase {chosen} --no-tags --github-output",
                step_id="rebase",
                env={"GITHUB_TOKEN": "${{ secrets.GITHUB_TOKEN }}"},
            ),
        ),
    )


def prove(plan: Plan, *, tool: Tool = TOOL, host: str = "ghcr.io", without: Sequence[str] = ()) -> Job:
    """Pull and try each new index by its digest on each kind of machine, before any tag stands on it."""
    return replace(jobs.prove(plan, tool=tool, host=host, source="rebase", without=without), if_=REBASED)


def publish(*, tool: Tool = TOOL, environment: str = "") -> Job:
    """Move the tags to what was proven, each while it stands on what was rebased; waits for `images`."""
    return Job(
        id="publish",
        name="Move the tags",
        needs=("rebase", "prove"),
        if_=REBASED,
        runs_on=LINUX,
        timeout=15,
        environment=environment,
        permissions=(READ, Permission("packages", "write", "move tags")),
        concurrency=Concurrency(group="publish-images", queue="max"),
        outputs={"images": "${{ needs.rebase.outputs.images }}"},
        steps=(
            *tool.setup(history=False),
            steps.tool(
                "Move the tags",
                'promote --images "$IMAGES"',
                env={
                    "IMAGES": "${{ needs.rebase.outputs.images }}",
                    "GITHUB_TOKEN": "${{ secrets.GITHUB_TOKEN }}",
                },
            ),
        ),
    )


def attest(plan: Plan, *, host: str = "ghcr.io") -> Job:
    """Sign the new indexes and the images in them, as `attest` does after a build."""
    job = jobs.attest(plan, host=host, source="rebase")
    return replace(job, needs=("rebase", "publish"), if_=REBASED)


def sbom(plan: Plan, *, command: Command = SYFT, host: str = "ghcr.io") -> Job:
    """List what is in each new image, and attest that, as `release` does."""
    job = supply.sbom(plan, command=command, host=host, source="rebase", if_=REBASED)
    # No artifacts: an image whose tags stand on two indexes has two legs, whose names would be the same.
    kept = tuple(step for step in job.steps if "upload-artifact" not in str(step.uses))
    return replace(job, needs=("rebase", "publish"), steps=kept)


def propose(*, branch: str = BRANCH, title: str = "Move pins to the newest bases") -> Job:
    """Open a pull request with the pins once what they stand for is proven; an open one gets them, too."""
    return Job(
        id="propose",
        name="Propose the pins",
        needs=("pins", "rebase", "prove", "publish"),
        # Published images may all be right already, and the jobs for them left out.
        if_=f"!failure() && !cancelled() && {MOVED}",
        runs_on=LINUX,
        timeout=10,
        permissions=(
            Permission("contents", "write", "push the branch with the pins"),
            Permission("pull-requests", "write", "open the pull request"),
        ),
        steps=(
            steps.checkout(),
            steps.download(_PINS, "."),
            Step(
                name="Open or renew the pull request",
                env={
                    "GH_TOKEN": "${{ secrets.GITHUB_TOKEN }}",
                    "GH_REPO": "${{ github.repository }}",
                    "BASE": "${{ github.ref_name }}",
                    "BRANCH": branch,
                    "TITLE": title,
                },
                run=_PROPOSE,
            ),
        ),
    )
