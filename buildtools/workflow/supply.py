"""Jobs that look into what is published: what is in each image, and what a scanner says of it.

Both run a command of the user's choice on every image of every index, by its digest: tools that are given
an index look at one platform of it. The command finds in its environment

- `SUBJECT`: the image, `ghcr.io/acme/whoami@sha256:...`
- `PLATFORM`: what it is for, `windows/amd64`
- `FILE`: where to write what it finds; it becomes part of an artifact
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from buildtools.plan import Plan
from buildtools.workflow import steps
from buildtools.workflow.actions import action
from buildtools.workflow.jobs import PUSH, SIGN, most_variants
from buildtools.workflow.model import Job, Matrix, Permission, Step, Value
from buildtools.workflow.runners import LINUX

SBOMS: Final = "sbom-"
"""How artifacts with SBOMs are named, an image each."""
REPORTS: Final = "scan-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command for each image, the steps that bring its program, and more for its environment.

    `suffix` is how the files end that it writes, as in `.spdx.json`.
    """

    run: str
    suffix: str
    setup: tuple[Step, ...] = ()
    env: Mapping[str, Value] = field(default_factory=dict, hash=False)


SYFT: Final = Command(
    # Without its platform an image for Windows is refused: the default is that of the runner.
    run='"$SYFT" scan "registry:$SUBJECT" --platform "$PLATFORM" --output "spdx-json=$FILE"',
    suffix=".spdx.json",
    setup=(Step(name="Get Syft", id="syft", uses=action("anchore/sbom-action/download-syft")),),
    env={"SYFT": "${{ steps.syft.outputs.cmd }}"},
)
"""What is in an image, as SPDX."""


def sbom(
    plan: Plan, *, command: Command = SYFT, host: str = "ghcr.io", source: str = "publish", if_: str = PUSH
) -> Job:
    """Write an SBOM of each image, keep all of an index as one artifact, and attest each to its image.

    `source` is the job that says which images there are.
    """
    attestations = tuple(_attestation(number, command) for number in range(most_variants(plan)))
    return Job(
        id="sbom",
        name="List what is in ${{ matrix.image }}",
        needs=(source,),
        if_=if_,
        matrix=Matrix(expression=f"${{{{ fromJSON(needs.{source}.outputs.images) }}}}"),
        runs_on=LINUX,
        timeout=30,
        permissions=SIGN,
        shell_="bash",
        steps=(
            steps.login(host),
            *command.setup,
            _each("Write the SBOMs", command, "sbom"),
            steps.upload(f"{SBOMS}${{{{ matrix.image }}}}", "sbom", days=30),
            *attestations,
        ),
    )


def scan(
    command: Command, *, host: str = "ghcr.io", source: str = "publish", if_: str = PUSH, timeout: int = 30
) -> Job:
    """Run a scanner on each image; the job fails where the command does. What it writes is an artifact."""
    return Job(
        id="scan",
        name="Scan ${{ matrix.image }}",
        needs=(source,),
        if_=if_,
        matrix=Matrix(expression=f"${{{{ fromJSON(needs.{source}.outputs.images) }}}}"),
        runs_on=LINUX,
        timeout=timeout,
        permissions=(Permission("packages", "read", "pull images"),),
        shell_="bash",
        steps=(
            steps.login(host),
            *command.setup,
            _each("Scan", command, "scan"),
            # What was found is wanted most where the command has failed.
            steps.upload(f"{REPORTS}${{{{ matrix.image }}}}", "scan", days=30, if_="always()"),
        ),
    )


def _each(name: str, command: Command, folder: str) -> Step:
    """The command, once for each image of a leg's index."""
    return Step(
        name=name,
        env={
            "NAME": "${{ matrix.name }}",
            "DIGESTS": "${{ join(matrix.children, ' ') }}",
            "PLATFORMS": "${{ join(matrix.platforms, ' ') }}",
            "FILES": "${{ join(matrix.files, ' ') }}",
            **command.env,
        },
        run=f"""\
mkdir -p {folder}
read -ra digests <<<"$DIGESTS"
read -ra platforms <<<"$PLATFORMS"
read -ra files <<<"$FILES"
for number in "${{!digests[@]}}"; do
  export SUBJECT="$NAME@${{digests[number]}}"
  export PLATFORM="${{platforms[number]}}"
  export FILE="{folder}/${{files[number]}}{command.suffix}"
  echo "::group::$SUBJECT for $PLATFORM"
  {command.run.strip().replace(chr(10), chr(10) + "  ")}
  echo "::endgroup::"
done
""",
    )


def _attestation(number: int, command: Command) -> Step:
    return Step(
        name=f"Attest the SBOM of image {number + 1}",
        if_=f"matrix.children[{number}]",
        uses=action("actions/attest"),
        with_={
            "subject-name": "${{ matrix.name }}",
            "subject-digest": f"${{{{ matrix.children[{number}] }}}}",
            "sbom-path": f"sbom/${{{{ matrix.files[{number}] }}}}{command.suffix}",
            "push-to-registry": True,
        },
    )
