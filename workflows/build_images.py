"""For other repositories: everything that `images` does, of the images of the repository that calls."""

from buildtools.plan import Plan
from buildtools.workflow import reusable
from buildtools.workflow.model import Workflow


def workflow(_: Plan) -> Workflow:
    """The caller's Plan is made when it runs; docs/ci/reusable.md says how it is called."""
    return Workflow(name="build-images", on=(reusable.trigger(),), jobs=reusable.called())
