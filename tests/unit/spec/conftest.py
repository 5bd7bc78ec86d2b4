"""A small valid definition that the rows of these tables change."""

import re
from collections.abc import Callable

import pytest
import yaml

from buildtools.errors import ConfigurationError
from buildtools.spec import expand
from buildtools.spec.variant import Variant

IMAGE = """\
name: x
platforms: [linux/amd64]
base: scratch
"""

DEFAULTS = """\
releases: [ltsc2019, ltsc2022]
bases:
  nanoserver: {windows: "mcr.microsoft.com/windows/nanoserver:{release}"}
"""

Faults = Callable[..., list[str]]
Variants = Callable[..., tuple[Variant, ...]]


def merged(snippet: str, text: str) -> str:
    """The snippet, so that its lines keep their numbers, and what of the text it does not replace."""
    keys = set(re.findall(r"^([\w-]+):", snippet, re.MULTILINE))
    blocks = re.findall(r"^[\w-]+:.*\n(?:[ -].*\n)*", text, re.MULTILINE)
    return snippet + "".join(block for block in blocks if block.partition(":")[0] not in keys)


def _image(snippet: str, defaults: str = "") -> expand.Image:
    project = expand.load_project(merged(defaults, DEFAULTS), "defaults.yaml")
    return expand.load_image(merged(snippet, IMAGE), "x/image.yaml", project)


def _sentences(error: ConfigurationError) -> list[str]:
    """The findings without the folder, which is the same in all of them."""
    return [str(finding).removeprefix("x/") for finding in error.diagnostics]


@pytest.fixture
def faults() -> Faults:
    """Every finding about a definition with these top-level keys, in a project with these."""

    def check(snippet: str, defaults: str = "") -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            _image(snippet, defaults)
        return _sentences(caught.value)

    return check


@pytest.fixture
def project_faults() -> Faults:
    """Every finding about a `defaults.yaml` with these top-level keys."""

    def check(snippet: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            expand.load_project(merged(snippet, DEFAULTS), "defaults.yaml")
        return _sentences(caught.value)

    return check


@pytest.fixture
def variants() -> Variants:
    """The variants of a definition with these top-level keys, in a project with these."""

    def load(snippet: str, defaults: str = "") -> tuple[Variant, ...]:
        return _image(snippet, defaults).variants

    return load


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers of PyYAML: installations without libyaml say the same."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    elif not hasattr(yaml, "CSafeLoader"):
        pytest.skip("PyYAML has no libyaml here")
    return request.param
