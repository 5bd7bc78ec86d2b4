"""Dockerfiles as an engine is sent them: filled in, on pinned images, without stages that are not needed."""

import pytest

from buildtools.dockerfile.recipe import Goal, ImageUse
from buildtools.dockerfile.sent import sendable
from buildtools.errors import ConfigurationError
from buildtools.oci.platform import Platform
from buildtools.windows.releases import RELEASES

LINUX = Goal(platform=Platform(os="linux", architecture="arm64"))
WINDOWS = Goal(platform=Platform(os="windows", architecture="amd64"), release=RELEASES[-1])


def pinned(use: ImageUse) -> str:
    """A name that shows which image was asked for."""
    return f"pinned/{use.reference.removeprefix('docker.io/library/').replace(':', '.')}"


def sent(text: str, goal: Goal = LINUX, *, target: str = "", **args: str) -> list[str]:
    """The rows that an engine is sent."""
    goal = Goal(platform=goal.platform, release=goal.release, args=args, target=target)
    return sendable(text, goal, path="D").for_engine(pinned).split("\n")


def test_every_from_is_filled_in() -> None:
    """Platforms, arguments, stages that an argument names; what stands around them stays."""
    text = """\
# syntax=docker/dockerfile:1
ARG V=1
FROM  --platform=$BUILDPLATFORM go:${V}  AS build
RUN make
FROM scratch AS linux
COPY --chown=1:1 --from=cache:2  /a /b
COPY --from=build /out /out
FROM ${TARGETOS}
RUN x"""
    assert sent(text) == [
        "# syntax=docker/dockerfile:1",
        "ARG V=1",
        "FROM  --platform=linux/amd64 pinned/go.1  AS build",
        "RUN make",
        "FROM scratch AS linux",
        "COPY --chown=1:1 --from=pinned/cache.2  /a /b",
        "COPY --from=build /out /out",
        "FROM linux",
        "RUN x",
    ]


def test_stages_that_are_not_needed_are_empty() -> None:
    """Those in front keep their numbers and names, those behind are gone; every line stays where it was."""
    text = "FROM win:1 AS w\nRUN dir\nFROM a:1\nRUN a\nFROM b:1 AS x\nCOPY --from=1 / /\nFROM w\nRUN y"
    assert sent(text, target="x") == [
        "FROM scratch AS w",
        "",
        "FROM pinned/a.1",
        "RUN a",
        "FROM pinned/b.1 AS x",
        "COPY --from=1 / /",
        "",
        "",
    ]
    assert sent("FROM a:1\nRUN a\nFROM b:1\nRUN b") == ["FROM scratch", "", "FROM pinned/b.1", "RUN b"]


def test_windows_has_no_scratch() -> None:
    """An empty stage stands on what the image stands on."""
    assert sent("FROM scratch AS linux\nCOPY a /\nFROM nano:1\nRUN b", WINDOWS) == [
        "FROM pinned/nano.1 AS linux",
        "",
        "FROM pinned/nano.1",
        "RUN b",
    ]


def test_line_ends_of_windows() -> None:
    """They and a byte order mark do not count."""
    assert sent("\ufeffFROM a:1\r\nRUN x\r\n") == ["FROM pinned/a.1", "RUN x", ""]


def test_a_here_document_is_refused() -> None:
    """Where it stands in a stage that is needed: its lines name no base, and no engine's API reads them."""
    with pytest.raises(ConfigurationError) as caught:
        sent("FROM a:1\nRUN <<E\nFROM b\nE\n")
    assert str(caught.value) == (
        "D:2:5: the here-document E is read by BuildKit alone, which the engine's API does not offer: "
        "put its lines into a file that is copied, or join commands with &&"
    )
    assert sent("FROM a:1\nRUN <<E\nFROM b\nE\nFROM c:1\nRUN x")[0] == "FROM scratch"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a:1\nRUN x", {"V": "2"}),
        ("FROM a:1\nARG TARGETARCH BUILDVARIANT", {"V": "2", "TARGETARCH": "arm64", "BUILDVARIANT": ""}),
        ("FROM a:1\nARG TARGETARCH=mine\nRUN x", {"V": "2"}),
        ("ARG TARGETOS=mine\nFROM a:1\nARG TARGETOS\nRUN x", {"V": "2", "TARGETOS": "mine"}),
        ("FROM a:1\nARG BUILDOS\nFROM b:1\nRUN x", {"V": "2"}),
    ],
)  # fmt: skip
def test_automatic_arguments_are_given_where_they_are_asked_for(text: str, expected: dict[str, str]) -> None:
    """A default of the Dockerfile goes before them, and stages that are not needed ask for nothing."""
    goal = Goal(platform=LINUX.platform, args={"V": "2"})
    assert sendable(text, goal, path="D").arguments() == expected


def test_arguments_that_are_given_win() -> None:
    """Over the automatic ones."""
    goal = Goal(platform=LINUX.platform, args={"TARGETOS": "plan9"})
    assert sendable("FROM a:1\nARG TARGETOS\nRUN x", goal, path="D").arguments() == {"TARGETOS": "plan9"}


def test_what_is_not_understood_is_refused() -> None:
    """Whoever asks may look at FROM alone."""
    with pytest.raises(ConfigurationError, match="no instruction 'RUNN'"):
        sendable("FROM a:1\nRUNN x", LINUX, path="D")
