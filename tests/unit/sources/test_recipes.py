"""Variants of Dockerfiles: what is planned of them, what they depend on, and what a definition adds."""

from dataclasses import replace
from pathlib import Path

import pytest

from buildtools.errors import ConfigurationError
from buildtools.oci.config import ConfigSettings
from buildtools.oci.platform import Platform
from buildtools.pins import Pins
from buildtools.sources.hashes import HashCache
from buildtools.sources.recipes import Planned, images_of, inputs, over, planned
from buildtools.spec.variant import Variant
from tests.fakes.definitions import variant, write_tree

WINDOWS = Platform(os="windows", architecture="amd64")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one image with a small context."""
    write_tree(tmp_path / "images" / "x", "a", "b", "dir/c", "other")
    return tmp_path


def of(root: Path, text: str, **changed: object) -> Variant:
    """A variant of this Dockerfile."""
    (root / "images" / "x" / "Dockerfile").write_text(text)
    settings = {"folder": "images/x", "engine": "dockerfile", "dockerfile": "Dockerfile", "context": "."}
    return replace(variant(), **(settings | {"base": ""} | changed))


def plan_of(root: Path, text: str, **changed: object) -> Planned:
    """What is planned of it."""
    found = planned(of(root, text, **changed), root=root, look=lambda _: None)
    assert found
    return found


def names(root: Path, text: str, **changed: object) -> list[str]:
    """What the image depends on."""
    plan = plan_of(root, text, **changed)
    return sorted(inputs(plan, HashCache(root / "hashes.json"), Pins()))


def test_what_is_assembled(root: Path) -> None:
    """Stands on its FROM, has the Dockerfile's settings, and is planned for the other engine."""
    made = plan_of(root, "FROM scratch\nCOPY a /a\nUSER 5\n").variant
    assert (made.engine, made.base, made.config.user) == ("copied", "scratch", "5")
    assert made.steps
    engine = plan_of(root, "FROM scratch\nRUN a\n").variant
    assert (engine.engine, engine.base, engine.steps) == ("dockerfile", "", ())


def test_what_is_not_understood(root: Path) -> None:
    """Is left to an engine for Linux, and refused for Windows; what is not there is refused for both."""
    text = "FROM scratch\nCOPY --new-flag=1 a b\n"
    assert planned(of(root, text), root=root, look=lambda _: None) is None
    assert images_of(of(root, text), root=root) == ()
    broken = of(root, text, platform=WINDOWS)
    with pytest.raises(
        ConfigurationError, match="images/x/Dockerfile:2:6: COPY has no flag --new-flag: delete it"
    ):
        planned(broken, root=root, look=lambda _: None)
    with pytest.raises(ConfigurationError, match="--new-flag"):
        images_of(broken, root=root)
    with pytest.raises(ConfigurationError) as caught:
        planned(replace(broken, dockerfile="../none"), root=root, look=lambda _: None)
    assert str(caught.value) == (
        "images/x/image.yaml: images/none cannot be read (No such file or directory): "
        "write it, or name another with `dockerfile`"
    )


def test_inputs(root: Path) -> None:
    """What is copied, whatever the stage; the whole context where an engine runs something."""
    assert names(root, "FROM scratch AS s\nCOPY b /b\nFROM scratch\nCOPY --from=s / /\nCOPY dir /d\n") == [
        "b",
        "dir",
        "dir/c",
    ]
    assert names(root, "FROM scratch AS unused\nCOPY b /b\nFROM scratch\nCOPY a /d\n") == ["a"]
    text = "FROM --platform=linux/amd64 scratch AS s\nRUN x\nFROM base:1\nCOPY --from=s / /\n"
    assert names(root, text, platform=WINDOWS) == ["Dockerfile", "a", "b", "dir", "dir/c", "other"]
    with pytest.raises(ConfigurationError) as caught:
        names(root, "FROM scratch\nCOPY aa /\nCOPY zz /\n")
    assert [str(one) for one in caught.value.diagnostics] == [
        "images/x/Dockerfile:2:6: there is no aa to copy: did you mean a?",
        "images/x/Dockerfile:3:6: there is no zz to copy: name what is there; .dockerignore may leave it out",
    ]


def test_a_mode_is_an_input(root: Path) -> None:
    """On Linux alone."""

    def digest(**changed: object) -> str:
        text = "FROM scratch\nCOPY a /a\n" if not changed else "FROM base:1\nCOPY a /a\n"
        plan = plan_of(root, text, **changed)
        return inputs(plan, HashCache(root / "hashes.json"), Pins())["a"]

    before, windows = digest(), digest(platform=WINDOWS)
    (root / "images" / "x" / "a").chmod(0o700)
    assert digest() != before
    assert digest(platform=WINDOWS) == windows


def test_a_definition_comes_on_top() -> None:
    """Its title is made up where nobody wrote one."""
    title = "org.opencontainers.image.title"
    below = ConfigSettings(
        entrypoint=("a",), cmd=("b",), env={"A": "1", "B": "1"}, user="u", exposed_ports=("1/tcp",),
        labels={title: "below", "l": "below"},
    )  # fmt: skip
    found = over(
        below, ConfigSettings(env={"B": "2"}, exposed_ports=("2/tcp",), labels={title: "x", "l": "x"})
    )
    assert (found.entrypoint, found.cmd, found.user) == (("a",), ("b",), "u")
    assert (dict(found.env), found.exposed_ports) == ({"A": "1", "B": "2"}, ("1/tcp", "2/tcp"))
    assert dict(found.labels) == {title: "below", "l": "x"}
    other = over(below, ConfigSettings(entrypoint=("c",), user="v"))
    assert (other.entrypoint, other.cmd, other.user) == (("c",), None, "v")
    assert over(below, ConfigSettings(cmd=("d",))).cmd == ("d",)
