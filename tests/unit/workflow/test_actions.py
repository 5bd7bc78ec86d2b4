# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Pinned actions: a table that is whole, and what a project puts in its place."""

import json
import re
from typing import Any

import pytest

from buildtools.errors import ConfigurationError
from buildtools.workflow import jobs
from buildtools.workflow.actions import PINS, Pin, action, dump_overrides, misnamed, parse_overrides, replaced
from buildtools.workflow.model import Action, Trigger, Workflow

PATH = "workflows/actions.json"
SHA = "0123456789" * 4
KNOWN = "actions/checkout, actions/setup-python, actions/upload-artifact, actions/download-artifact, docker/login-action, actions/attest, anchore/sbom-action/download-syft, azure/login"


def test_every_row_is_whole() -> None:
    """A version, a commit, a day and a reason."""
    for pin in PINS:
        assert re.fullmatch(r"v\d+\.\d+\.\d+", pin.action.version)
        assert re.fullmatch(r"[0-9a-f]{40}", pin.action.sha)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", pin.seen)
        assert pin.why
    assert len({pin.action.name for pin in PINS}) == len(PINS)


def test_an_action_that_is_not_pinned() -> None:
    """The sentence says how to name one of one's own."""
    with pytest.raises(ConfigurationError) as caught:
        action("actions/cache")
    assert str(caught.value) == (
        "there is no pinned action 'actions/cache': make one with Action(name=..., version=..., sha=...); "
        f"known are {KNOWN}"
    )


def test_a_project_has_its_own() -> None:
    """A mirror, or a copy in the repository, in every job."""
    text = json.dumps(
        {
            "actions/checkout": {"uses": "mirror/checkout", "version": "v1", "sha": SHA},
            "actions/setup-python": {"uses": "./.github/actions/setup-python"},
        }
    )
    overrides = parse_overrides(text.encode(), PATH)
    workflow = Workflow(name="x", on=(Trigger(event="push"),), jobs=(jobs.plan(),))
    used = [step.uses for step in replaced(workflow, overrides).jobs[0].steps if step.uses]
    assert used == [Action(name="mirror/checkout", version="v1", sha=SHA), "./.github/actions/setup-python"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"a/b": {"uses": "./x"}}, f"a/b: no workflow uses it: name one of {KNOWN}"),
        ({"actions/checkout": {"uses": "./x", "version": "v1"}}, "actions/checkout: a path of this repository has neither version nor sha: leave both out"),
        ({"actions/checkout": {"uses": "x"}}, "actions/checkout: 'x' is no action: write owner/name, or ./path for one of this repository"),
        ({"actions/checkout": {"uses": "a/b", "version": "v1", "sha": "v1"}}, "actions/checkout: an action is named by its version and the whole sha of its commit: add both"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong(document: Any, sentence: str) -> None:
    """Named, with what to do."""
    with pytest.raises(ConfigurationError) as caught:
        parse_overrides(json.dumps(document).encode(), PATH)
    assert str(caught.value) == f"{PATH}: {sentence}"


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"actions/checkout": {"use": "x"}}', b"\xff"])
def test_a_file_that_is_wrong(text: bytes) -> None:
    """It is named, and what it should look like."""
    with pytest.raises(ConfigurationError) as caught:
        parse_overrides(text, PATH)
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.path) == ("actions-file", PATH)
    assert finding.hint == 'write {"actions/checkout": {"uses": ..., "version": ..., "sha": ...}}'


def test_the_file_is_read_back() -> None:
    """With the day of the look-up, which nothing depends on."""
    rows = {"actions/checkout": {"uses": "a/b", "version": "v1", "sha": SHA, "seen": "2026-01-01"}}
    assert dump_overrides(rows).endswith("}\n")
    assert parse_overrides(dump_overrides(rows).encode(), PATH) == {
        "actions/checkout": Action(name="a/b", version="v1", sha=SHA)
    }


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: pin.action.name)
def test_a_version_beside_another_commit(pin: Pin) -> None:
    """Either half of a pin changed alone is found; a version that the table does not know is not judged."""
    used = pin.action
    assert misnamed(used) == ""
    assert misnamed(Action(name=used.name, version="v99.0.0", sha=SHA)) == ""
    assert misnamed(Action(name="a/b", version=used.version, sha=SHA)) == ""
    assert misnamed(Action(name=used.name, version=used.version, sha=SHA)) == (
        f"has {used.version} at {SHA}, and it stands at {used.sha}"
    )
    assert misnamed(Action(name=used.name, version="v99.0.0", sha=used.sha)) == (
        f"calls the commit {used.sha} v99.0.0, and it is {used.version}"
    )
