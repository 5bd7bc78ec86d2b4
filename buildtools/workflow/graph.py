"""A workflow's jobs as a picture: which waits for which, in the language of Mermaid."""

from collections.abc import Iterator

from buildtools.workflow.model import Job, Workflow


def mermaid(workflow: Workflow) -> str:
    """The text of a flow chart, a job a box; a job with several legs has a double border."""
    return "\n".join(["flowchart LR", *_lines(workflow.jobs)]) + "\n"


def _lines(jobs: tuple[Job, ...]) -> Iterator[str]:
    reached: dict[str, set[str]] = {}
    for job in jobs:
        label = job.id if job.matrix is None else f"{job.id}, a leg each"
        yield f'  {job.id}[["{label}"]]' if job.matrix else f'  {job.id}["{label}"]'
        reached[job.id] = set(job.needs).union(*(reached.get(need, set()) for need in job.needs))
        for need in job.needs:
            # What is waited for by way of another job needs no arrow of its own.
            if not any(need in reached.get(other, set()) for other in job.needs):
                yield f"  {need} --> {job.id}"
