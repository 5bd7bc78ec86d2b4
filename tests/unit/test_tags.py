"""What a GitHub Actions run is about, out of its environment."""

import pytest

from buildtools.settings import Settings
from buildtools.spec.tags import Ref
from buildtools.tags import run_ref


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Ref(kind="branch", name="")),
        ({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "a/b"}, Ref(kind="branch", name="a/b")),
        (
            {"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1", "GITHUB_SHA": "x"},
            Ref(kind="tag", name="v1", sha="x"),
        ),
        (
            {"GITHUB_REF": "refs/pull/12/merge", "GITHUB_REF_TYPE": "branch"},
            Ref(kind="pull-request", name="12"),
        ),
        # `pull_request_target` runs on the base's branch.
        (
            {"GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": "main"},
            Ref(kind="pull-request", name=""),
        ),
    ],
)
def test_what_a_run_is_about(environ: dict[str, str], expected: Ref) -> None:
    """A branch, a tag or a pull request, and nothing where no run says so."""
    assert run_ref(Settings.from_env({**environ, "GITHUB_ACTIONS": "true"})) == expected
    assert run_ref(Settings.from_env(environ)) is None
