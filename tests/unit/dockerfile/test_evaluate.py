# ruff: noqa: E501 - sentences are asserted whole, each on its line
r"""Dockerfiles evaluated for a platform: scopes, stages, settings, paths of both systems, and what is refused."""

from typing import Any

import pytest

from buildtools.dockerfile.evaluate import WAYS_OUT, bases_of, copies, evaluate
from buildtools.dockerfile.parse import parse
from buildtools.dockerfile.recipe import Copy, Directory, Goal, ImageUse, Recipe
from buildtools.errors import ConfigurationError
from buildtools.oci.config import ConfigSettings, ImageConfig, build_config
from buildtools.oci.documents import canonical_json
from buildtools.oci.platform import Platform
from buildtools.windows.releases import RELEASES

LINUX = Goal(platform=Platform(os="linux", architecture="arm", variant="v7"))
OLDEST, RELEASE = RELEASES[0], RELEASES[1]
WINDOWS = Goal(platform=Platform(os="windows", architecture="amd64"), release=RELEASE)
BASE = "mcr.microsoft.com/windows/nanoserver:" + RELEASE.name
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def made(text: str, goal: Goal = LINUX, config: dict[str, Any] | None = None, **args: str) -> Recipe:
    """The recipe of a Dockerfile; `config` is what every base's config says."""
    goal = Goal(platform=goal.platform, release=goal.release, args=args)
    document = {
        "os": goal.platform.os,
        "architecture": "amd64",
        "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    base = ImageConfig.parse(canonical_json(document)) if config is not None else None
    return evaluate(parse(text, "D"), goal, lambda _: base)


def windows(text: str, **changed: Any) -> Recipe:
    """The recipe of a Windows stage on a base."""
    return made(f"FROM {BASE}\n{text}", WINDOWS, **changed)


def linux(text: str, **args: str) -> ConfigSettings:
    """The settings of a stage on nothing."""
    return made(f"FROM scratch\n{text}", **args).last.settings


def refused(text: str, goal: Goal = LINUX, **args: str) -> list[str]:
    """What is wrong with a Dockerfile."""
    with pytest.raises(ConfigurationError) as caught:
        made(text, goal, **args)
    return [str(fault) for fault in caught.value.diagnostics]


def copied(recipe: Recipe) -> list[tuple[list[str], str, bool]]:
    """What is copied where."""
    return [
        ([one.path for one in step.sources], step.destination, step.into_folder) for step in copies(recipe)
    ]


def test_arguments_and_their_scopes() -> None:
    """Those in front of FROM are for FROM; a stage asks for them; what is given wins; ENV hides ARG."""
    text = """\
ARG TAG=1
ARG NAME=app${TAG}
FROM scratch AS one
ENV before=$TAG
ARG TAG
ARG NAME OTHER=x$TAG
ENV tag=$TAG name=$NAME other=$OTHER
ENV TAG=env
ARG TAG=arg
ENV again=$TAG
FROM one
ENV inherited=$OTHER/$tag
"""
    env = dict(made(text, NAME="given").last.settings.env)
    assert env == {
        "PATH": PATH, "before": "", "tag": "1", "name": "given", "other": "x1", "TAG": "env",
        "again": "env", "inherited": "x1/1",
    }  # fmt: skip


def test_platform_arguments() -> None:
    """They are there in FROM, and in stages that ask for them."""
    text = "FROM --platform=$BUILDPLATFORM scratch AS arm\nFROM $TARGETARCH\nENV a=$TARGETOS\nARG TARGETOS TARGETPLATFORM BUILDARCH TARGETVARIANT\nENV b=$TARGETOS-$TARGETPLATFORM-$BUILDARCH-$TARGETVARIANT"
    found = made(text)
    assert found.last.settings.env["b"] == "linux-linux/arm/v7-amd64-v7"
    assert found.last.settings.env["a"] == ""
    assert str(found.last.platform) == "linux/amd64"
    assert (
        windows("ARG TARGETOSVERSION\nENV V=$TARGETOSVERSION").last.settings.env["V"]
        == f"10.0.{RELEASE.build}"
    )


def test_one_instruction_does_not_see_itself() -> None:
    """Values of ENV are filled in with what was there before it."""
    assert dict(linux("ENV a=1\nENV a=2 b=$a\nENV c $b and  more").env) == {
        "PATH": PATH,
        "a": "2",
        "b": "1",
        "c": "1 and  more",
    }


def test_settings() -> None:
    """Each instruction, the later one counting."""
    found = linux(
        """\
LABEL a=1 "b c"='d e'
LABEL a=2
USER 1:2
WORKDIR /a/./b/
WORKDIR ../c
EXPOSE 80 $none 90-91/UDP 80/tcp
VOLUME /v /w
VOLUME ["/x y", "/v"]
STOPSIGNAL SIGINT
ENTRYPOINT ["/p", "$a"]
CMD go $on
"""
    )
    assert dict(found.labels) == {"a": "2", "b c": "d e"}
    assert (found.user, found.working_dir, found.stop_signal) == ("1:2", "/a/c", "SIGINT")
    assert found.exposed_ports == ("80/tcp", "90/udp", "91/udp")
    assert found.volumes == ("/v", "/w", "/x y")
    assert (found.entrypoint, found.cmd) == (("/p", "$a"), ("/bin/sh", "-c", "go $on"))


@pytest.mark.parametrize(
    ("text", "entrypoint", "cmd"),
    [
        ('CMD ["a"]\nENTRYPOINT ["b"]', ("b",), ("a",)),
        ('SHELL ["ash", "-c"]\nENTRYPOINT a  b', ("ash", "-c", "a  b"), None),
        ("CMD []", None, ()),
        ('CMD ["a"]\nFROM s\nENTRYPOINT ["b"]', ("b",), None),
        ('SHELL ["x"]\nFROM s\nCMD a', None, ("x", "a")),
    ],
)
def test_commands(text: str, entrypoint: Any, cmd: Any) -> None:
    """An entrypoint takes away the arguments of what stands below, not those of its own stage."""
    found = made(f"FROM scratch AS s\n{text}").last.settings
    assert (found.entrypoint, found.cmd) == (entrypoint, cmd)


def test_what_a_base_brings() -> None:
    """Its environment, working directory, user and shell are what a stage begins with; they are not repeated."""
    config = {
        "Env": ["P=base", "Q"],
        "WorkingDir": "C:\\base",
        "Shell": ["pwsh", "-c"],
        "User": "ContainerUser",
    }
    found = windows('ENV X=$P:$Q\nWORKDIR sub\nCOPY a .\nENTRYPOINT say "it"', config=config).last
    assert dict(found.settings.env) == {"X": "base:"}
    assert found.settings.working_dir == "C:\\base\\sub"
    assert found.settings.entrypoint == ("pwsh", "-c", 'say "it"')
    assert isinstance(found.steps[1], Copy)
    assert (found.steps[1].destination, found.settings.user) == ("base/sub", None)
    odd = windows("COPY a b", config={"WorkingDir": "D:\\x"}).last.steps[0]
    assert isinstance(odd, Copy)
    assert odd.destination == "b"


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("COPY a b C:/x/", (["a", "b"], "x", True)),
        ("COPY a /x", (["a"], "x", False)),
        ("COPY a c:/", (["a"], "", True)),
        ("COPY a .", (["a"], "", True)),
        ("WORKDIR /w\nCOPY ./a ../b/./c/.", (["a"], "b/c", True)),
        ('COPY ["a b", "C:/d e/"]', (["a b"], "d e", True)),
        ("COPY /a/../../b/* x/", (["b/*"], "x", True)),
        ("COPY --parents a/./b/../c /x/", (["a/./c"], "x", True)),
        ("COPY . .", ([""], "", True)),
    ],
)
def test_paths_on_windows(text: str, step: Any) -> None:
    """With and without the drive, relative to the working directory, never out of the image."""
    assert copied(windows(text)) == [step]


def test_backslashes() -> None:
    """With a backtick as escape character they separate names, in sources, too."""
    text = f"# escape=`\nFROM {BASE}\nCOPY bin\\a.exe C:\\app\\\nWORKDIR C:\\w\nCOPY C:\\x .\\y\nVOLUME C:\\d"
    found = made(text, WINDOWS)
    assert copied(found) == [(["bin/a.exe"], "app", True), (["x"], "w/y", False)]
    assert (found.last.settings.working_dir, found.last.settings.volumes) == ("C:\\w", ("C:\\d",))


def test_folders_that_every_windows_has() -> None:
    """WORKDIR makes none of them: its access list would be replaced."""
    steps = windows("WORKDIR C:/Windows/System32\nWORKDIR /\nWORKDIR /users\nWORKDIR me").last.steps
    assert [step.path for step in steps if isinstance(step, Directory)] == ["users/me"]


def test_owners_of_folders() -> None:
    """WORKDIR makes its folder for the user of that moment, whose group is the number of the same kind."""
    steps = made("FROM scratch\nWORKDIR /a\nUSER 5\nWORKDIR /b\nUSER 5:6\nWORKDIR /c\nWORKDIR /").last.steps
    assert [(step.path, step.owner) for step in steps if isinstance(step, Directory)] == [
        ("a", (0, 0)),
        ("b", (5, 5)),
        ("c", (5, 6)),
    ]


def test_a_stage_on_a_stage() -> None:
    """Goes on where that one ended: working directory, user, files."""
    text = "FROM scratch AS a\nUSER 5\nWORKDIR /w\nFROM --platform=linux/arm/v7 a\nWORKDIR x\nCOPY b ."
    steps = made(text).last.steps
    assert [(step.path, step.owner) for step in steps if isinstance(step, Directory)] == [
        ("w", (5, 5)),
        ("w/x", (5, 5)),
    ]
    assert copied(made(text)) == [(["b"], "w/x", True)]


def test_flags_of_copy() -> None:
    """Numbers of owners and modes; variables in both."""
    text = "FROM scratch\nARG U=7\nCOPY --chown=$U:8 --chmod=0${U}55 --exclude=*.x --link a b /x/\nCOPY --chown=9 <<E <<'F' /y/\n$U \"q\"\nE\n$U\nF\nADD a /z\n"
    first, second, third = copies(made(text))
    assert (first.owner, first.mode, first.exclude, first.unpacks) == ((7, 8), 0o755, ("*.x",), False)
    assert (second.owner, second.documents) == ((9, 9), (("E", '7 "q"\n'), ("F", "$U\n")))
    assert (third.unpacks, third.from_context) == (True, True)


STAGES = f"""\
FROM --platform=linux/amd64 docker.io/library/golang:1.25 AS build
RUN go build
FROM scratch AS unused
RUN nothing
FROM --platform=linux/amd64 scratch AS Files
COPY x /x
FROM {BASE}
COPY --from=build /out/a.exe C:/
COPY --from=files x y C:/f/
COPY --from=2 / C:/g
COPY --from=registry.example/tool:1 t.exe /
"""


def test_stages() -> None:
    """What the last stage needs, by name, number and image; a Linux stage with RUN is no reason against it."""
    found = made(STAGES, WINDOWS)
    assert (found.needs, found.base, list(found.stages)) == ((), BASE, [0, 2, 3])
    assert [step.stage for step in copies(found) if step.stage is not None] == [0, 2, 2]
    assert [stage.target for stage in found.engine_stages] == ["build"]
    assert [str(need) for need in found.stages[0].needs] == [
        f"D:2:1: RUN executes Linux programs, and files are only assembled here: {WAYS_OUT['linux']}"
    ]
    assert [(one.reference, str(one.platform), one.release) for one in found.images] == [
        (BASE, "windows/amd64", RELEASE),
        ("docker.io/library/golang:1.25", "linux/amd64", None),
        ("registry.example/tool:1", "windows/amd64", RELEASE),
    ]
    assert bases_of(parse(STAGES, "D"), WINDOWS) == found.images
    assert found.others == found.images[1:]
    assert found.stages[3].target == "3"


def test_meaning() -> None:
    """Places, and what stands in the base alone, decide about nothing."""
    moved = made("# moved\n" + STAGES, WINDOWS)
    assert made(STAGES, WINDOWS).meaning() == moved.meaning()
    assert made(STAGES.replace("/out/a", "/out/b"), WINDOWS).meaning() != moved.meaning()
    assert made(f"FROM {BASE}\nCOPY a b", WINDOWS).meaning() == made("FROM scratch\nCOPY a b").meaning()


def test_a_stage_that_is_not_needed() -> None:
    """May stand on what is nothing for this platform."""
    text = "FROM $WINDOWS AS windows\nFROM a:$WINDOWS AS other\nFROM scratch AS linux\nFROM $TARGETOS"
    assert made(text).base == "scratch"
    assert refused(text, WINDOWS)[0].startswith("D:1:6: $WINDOWS is nothing here")


def test_a_stage_that_is_asked_for() -> None:
    """Everything behind it is not looked at."""
    goal = Goal(platform=LINUX.platform, target="a")
    assert evaluate(parse("FROM scratch AS a\nFROM scratch\nRUN x", "D"), goal).needs == ()
    with pytest.raises(
        ConfigurationError, match="D:1:1: there is no stage b: name one of the Dockerfile's stages"
    ):
        evaluate(parse("FROM scratch AS a", "D"), Goal(platform=LINUX.platform, target="b"))


@pytest.mark.parametrize(
    ("text", "goal", "reasons"),
    [
        (
            f"FROM {BASE}\nRUN a\nRUN b",
            WINDOWS,
            [
                f"D:2:1: RUN executes Windows programs, and files are only assembled here: {WAYS_OUT['windows']}"
            ],
        ),
        (
            f"FROM {BASE} AS a\nRUN a\nFROM a\nCOPY b c",
            WINDOWS,
            [
                f"D:2:1: RUN executes Windows programs, and files are only assembled here: {WAYS_OUT['windows']}"
            ],
        ),
        (
            f"FROM {BASE} AS a\nRUN a\nFROM {BASE}\nCOPY --from=a b c",
            WINDOWS,
            [
                f"D:2:1: RUN executes Windows programs, and files are only assembled here: {WAYS_OUT['windows']}"
            ],
        ),
        (
            "FROM scratch AS a\nRUN a\nFROM scratch\nCOPY --from=a b c",
            LINUX,
            [f"D:2:1: RUN executes Linux programs, and files are only assembled here: {WAYS_OUT['linux']}"],
        ),
        (
            "FROM debian:13\nCOPY a b",
            LINUX,
            [
                f"D:1:1: docker.io/library/debian:13 would have to be unpacked to know its folders and users: {WAYS_OUT['linux']}"
            ],
        ),
        (
            "FROM scratch\nONBUILD COPY a b",
            LINUX,
            [
                f"D:2:1: ONBUILD is an instruction for an engine that builds on this image: {WAYS_OUT['linux']}"
            ],
        ),
        (
            "# syntax=other/front:1\nFROM scratch",
            LINUX,
            [f"D:1:1: the syntax is other/front's, which nobody here knows: {WAYS_OUT['linux']}"],
        ),
        (
            "FROM scratch\nADD https://x.test/a /",
            LINUX,
            [
                "D:2:5: ADD https://x.test/a reads from the network, which assembling never does: fetch it with `fetch` and engine assemble, or download it before and use COPY"
            ],
        ),
        (
            "FROM scratch\nCOPY --chown=me a /",
            LINUX,
            ["D:2:14: only an engine knows the numbers of 'me': write numbers, as in --chown=65532:65532"],
        ),
        (
            "FROM scratch\nUSER me\nWORKDIR /x",
            LINUX,
            ["D:3:9: only an engine knows the number of user 'me': write USER with numbers"],
        ),
    ],
)
def test_what_needs_an_engine(text: str, goal: Goal, reasons: list[str]) -> None:
    """With the place, the reason, and the ways out."""
    assert [str(need) for need in made(text, goal).needs] == reasons


def test_a_base_with_triggers() -> None:
    """Asks for an engine, whatever the Dockerfile says."""
    (need,) = windows("COPY a b", config={"OnBuild": ["RUN x"]}).needs
    assert need.message == "the base has ONBUILD instructions, which an engine runs"


@pytest.mark.parametrize(
    ("text", "goal", "sentences"),
    [
        ("RUN x\nFROM scratch", LINUX, ["D:1:1: RUN stands in front of the first FROM: move it behind"]),
        ("ARG a", LINUX, ["D:1:1: there is no FROM in it: begin with FROM"]),
        ("FROM a b\nFROM a AZ c", LINUX, ["D:1:6: FROM takes an image and perhaps a name: write FROM IMAGE, or FROM IMAGE AS NAME", "D:2:6: FROM takes an image and perhaps a name: write FROM IMAGE, or FROM IMAGE AS NAME"]),
        ("FROM $X AS b\nFROM b", LINUX, ["D:1:6: $X is nothing here, so that the stage has no base: give its ARG a default, or set it in `args`"]),
        ("FROM ${X", LINUX, ["D:1:6: } is missing: write it as ${X}"]),
        ("FROM scratch AS 1a\nFROM scratch AS b\nFROM scratch AS B", LINUX, ["D:1:17: '1a' cannot name a stage: begin with a letter and go on with letters, digits, dots, dashes or underscores", "D:3:17: there is another stage called b: give one of them another name"]),
        ("FROM --platform=linux scratch\nFROM --platform=$P scratch\nFROM --platform=${ scratch", LINUX, ["D:1:17: 'linux' is no platform: write it as in linux/amd64", "D:2:17: $P is nothing here: write it as in linux/amd64", "D:3:17: ${...} names no variable: write it as ${NAME}"]),
        ("FROM A_B:c:d", LINUX, None),
        ("FROM scratch\nCOPY --from=A_B:c:d a b", LINUX, None),
        ("FROM scratch\nCOPY --chmod=${ a b\nCOPY ${ ${ b/", LINUX, [
            "D:2:14: ${...} names no variable: write it as ${NAME}",
            "D:3:6: ${...} names no variable: write it as ${NAME}",
            "D:3:9: ${...} names no variable: write it as ${NAME}",
        ]),
        ("FROM scratch\nCOPY a b", WINDOWS, ["D:1:1: scratch is for Linux: Windows starts no container without Windows files in its base: use a base such as nanoserver"]),
        ("FROM scratch\nCOPY a\nCOPY --from=x a b\nCOPY --from=$x a b\nCOPY --from=3 a b", LINUX, [
            "D:2:6: COPY needs at least one source and a destination: write COPY FROM TO",
            "D:3:13: there is no stage x in front of this one: name an earlier stage, or a reference with a tag",
            "D:4:13: --from takes no variables: name a stage after the image (FROM image AS name) and copy from that",
            "D:5:13: there is no stage 3 in front of this one: name an earlier stage, or a reference with a tag",
        ]),
        ("FROM scratch AS build\nFROM scratch AS b\nCOPY --from=buidl a b\nCOPY --from=b a b", LINUX, [
            "D:3:13: there is no stage buidl in front of this one: did you mean build?",
            "D:4:13: there is no stage b in front of this one: name an earlier stage, or a reference with a tag",
        ]),
        ("FROM scratch\nCOPY a b c\nCOPY https://x/a b\nCOPY --chmod=u+x a b\nCOPY [a b\nCOPY --exclude=[ a b\nCOPY --exclude=${ a b", LINUX, [
            "D:2:10: COPY has 2 sources, and c does not say that it is a folder: write c/",
            "D:3:6: COPY takes no URL: fetch it with `fetch` and engine assemble, or download it before and use COPY",
            "D:4:14: --chmod=u+x is not a mode in octal: write it as in --chmod=0755",
            "D:5:6: '[a' has a [ that is never closed: mend the pattern",
            "D:6:16: --exclude: '[' has a [ that is never closed: mend the pattern",
            "D:7:16: ${...} names no variable: write it as ${NAME}",
        ]),
        ("FROM scratch\nCOPY $none /x\nCOPY ${ b\nCOPY a ${\nCOPY <<E /x\n${\nE", LINUX, [
            "D:2:6: $none is nothing here: name a file",
            "D:3:6: ${...} names no variable: write it as ${NAME}",
            "D:4:8: ${...} names no variable: write it as ${NAME}",
            "D:5:6: in the here-document ${...} names no variable: write it as ${NAME}",
        ]),
        ("FROM scratch\nENV a\nENV a=1 b\nENV =1\nENV a=${\nENV a ${\nLABEL x", LINUX, [
            "D:2:5: ENV a has no value: write a=VALUE",
            "D:3:9: 'b' has no =: write b=VALUE, or quote the value",
            "D:4:5: the name is empty: write NAME=VALUE",
            "D:5:7: ${...} names no variable: write it as ${NAME}",
            "D:6:7: ${...} names no variable: write it as ${NAME}",
            "D:7:7: LABEL x has no value: write x=VALUE",
        ]),
        ('FROM scratch\nEXPOSE 0 x 70000 9-8 80/xx ${\nUSER $none\nUSER ${\nWORKDIR $none\nWORKDIR ${\nVOLUME ["", "${"]\nSTOPSIGNAL SIGX\nSTOPSIGNAL ${\nSHELL []\nARG ${', LINUX, [
            "D:2:8: '0' is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be",
            "D:2:10: 'x' is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be",
            "D:2:12: '70000' is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be",
            "D:2:18: '9-8' is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be",
            "D:2:22: '80/xx' is not a port: write 1 to 65535, with /tcp, /udp or /sctp behind it if need be",
            "D:2:28: ${...} names no variable: write it as ${NAME}",
            "D:3:6: $none is nothing here: write the user's name",
            "D:4:6: ${...} names no variable: write it as ${NAME}",
            "D:5:9: $none is nothing here: write the folder's path",
            "D:6:9: ${...} names no variable: write it as ${NAME}",
            "D:7:9: the volume's path is empty: write a path",
            "D:7:13: ${...} names no variable: write it as ${NAME}",
            "D:8:12: 'SIGX' is not a signal: write a name such as SIGTERM, or a number from 1 to 64",
            "D:9:12: ${...} names no variable: write it as ${NAME}",
            'D:10:7: SHELL names no program: write it as in SHELL ["cmd", "/S", "/C"]',
            "D:11:5: ${...} names no variable: write it as ${NAME}",
        ]),
        (f"FROM {BASE}\nCOPY a C:\\app\\x\nCOPY a D:/\nCOPY a //s/x\nCOPY a app\\x\nCOPY a C:app\nCOPY a /nul/x\nWORKDIR E:/\nVOLUME E:/x", WINDOWS, [
            "D:2:8: 'C:appx' is relative to a drive's current folder: the escape character is \\, so backslashes were taken away: put `# escape=`` into the first line, or write C:/app/x",
            "D:3:8: 'D:/' is on drive D:: an image has drive C: only",
            "D:4:8: '//s/x' is a network or device path: an image has drive C: only, as in C:/app",
            "D:5:8: 'app\\\\x' is read as 'appx': the escape character is \\, so backslashes were taken away: put `# escape=`` into the first line, or write app/x",
            "D:6:8: 'C:app' is relative to a drive's current folder: write C:/app",
            "D:7:8: '/nul/x' cannot be a path on Windows: 'nul' is a device's name on Windows, whatever its extension: use another name",
            "D:8:9: 'E:/' is on drive E:: an image has drive C: only",
            "D:9:8: 'E:/x' is on drive E:: an image has drive C: only",
        ]),
        (f'FROM {BASE}\nUSER 65532:1\nENV path=a;%PATH%\nENTRYPOINT say "x"\nSTOPSIGNAL SIGQUIT', WINDOWS, [
            "D:2:6: '65532:1' is a Linux user: write ContainerUser or ContainerAdministrator",
            "D:3:1: %PATH% is never expanded in an image: write the whole PATH, as in C:\\app;C:\\Windows\\System32;C:\\Windows",
            'D:4:12: ENTRYPOINT in shell form holds double quotes, which cmd would get with backslashes: write it as a list: ENTRYPOINT ["program", "argument"]',
            None,
        ]),
        ("FROM scratch\nCOPY a /\0x", LINUX, None),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, goal: Goal, sentences: list[str | None] | None) -> None:
    """All of it at once, each with its place and what to do."""
    found = refused(text, goal)
    if sentences is None:
        assert len(found) == 1
        return
    for sentence, wanted in zip(found, sentences, strict=True):
        assert wanted is None or sentence == wanted


def test_releases() -> None:
    """A tag that names one release serves no other; nanoserver's own tag is found; digests are believed."""
    goal = Goal(platform=WINDOWS.platform, release=OLDEST)
    message = (
        f"D:1:6: {BASE} is made for one Windows release and cannot serve {OLDEST.name}: write ARG WINDOWS_VERSION and "
        f'${{WINDOWS_VERSION}} in place of {RELEASE.name}, and args: {{WINDOWS_VERSION: "{{release}}"}}'
    )
    assert refused(f"FROM {BASE}", goal) == [message]
    assert refused(
        f"FROM mcr.microsoft.com/windows/nanoserver:{OLDEST.name}\nCOPY --from={BASE} a b", goal
    ) == [message.replace("D:1:6", "D:2:13")]
    name = "mcr.microsoft.com/windows/nanoserver"
    found = made(f"FROM {name}:{OLDEST.name}\nCOPY a b", goal)
    assert found.base == f"{name}:{OLDEST.tags[name]}"
    assert made(f"FROM {name}:10.0.{OLDEST.build}.1\n", goal).needs == ()
    digest = f"{name}@sha256:{'0' * 64}"
    assert made(f"FROM {digest}", goal).base == digest


def test_warnings() -> None:
    """What is left out, and what may be a slip; about the image's own stage alone."""
    text = f"""\
FROM {BASE}
MAINTAINER me
HEALTHCHECK --interval=5s CMD x
COPY --chown=a:b --chmod=755 a b
ENV PATH=C:/app
FROM {BASE}
MAINTAINER me
HEALTHCHECK --interval=5s CMD x
COPY --chown=a:b --chmod=755 a b
ENV PATH=C:/app
ENV Path=C:/Windows/System32
COPY --from=mcr.microsoft.com/tool:1 a b
COPY --from=mcr.microsoft.com/tool a b
"""
    found = made(text, WINDOWS, UNUSED="1", HTTP_PROXY="x")
    assert [str(warning) for warning in found.warnings] == [
        "D:1:1: the argument UNUSED is given, and no ARG asks for it: add ARG UNUSED, or delete it from `args`",
        'D:7:1: MAINTAINER is left out: it is long deprecated: write LABEL org.opencontainers.image.authors="..."',
        "D:8:1: HEALTHCHECK is left out: image configs of the OCI have no such thing: let the cluster ask, with a readiness or liveness probe",
        "D:9:14: --chown means nothing on Windows and is left out: delete it: every user may read and run what is copied",
        "D:9:26: --chmod means nothing on Windows and is left out: delete it: Windows has access lists",
        "D:10:1: PATH is set without C:\\Windows\\System32, and it replaces Windows' own: write the whole PATH",
        "D:13:13: mcr.microsoft.com/tool has no tag and means mcr.microsoft.com/tool:latest: add the tag that you mean, or a digest",
    ]


def test_bases_of_what_is_broken() -> None:
    """Syntax and FROM lines must be right; what else is wrong does not matter here."""
    for text in ("NO", "FROM $x"):
        with pytest.raises(ConfigurationError):
            bases_of(parse(text, "D"), LINUX)
        with pytest.raises(ConfigurationError):
            evaluate(parse(text, "D"), LINUX)
    found = bases_of(parse("FROM a:1\nCOPY x\nRUN y", "D"), LINUX)
    assert found == (ImageUse(reference="docker.io/library/a:1", platform=LINUX.platform),)


def test_the_config_is_what_the_engine_takes() -> None:
    """The settings fit the config builder, on a base and without one."""
    config = build_config(
        None, platform=LINUX.platform, settings=linux("USER 5\nCMD []\nEXPOSE 1"), diff_ids=(), history=(),
        created="2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert (config.user, config.exposed_ports, config.env) == ("5", ("1/tcp",), (f"PATH={PATH}",))
