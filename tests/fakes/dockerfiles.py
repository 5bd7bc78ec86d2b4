"""Dockerfiles that only copy, with their contexts: made up from a seed, and the shapes that projects use."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

NAMES = ("app", "bin", "conf", "data", "lib")
MODES = (0o644, 0o600, 0o755, 0o640, 0o4755)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A Dockerfile, its build arguments and its context: contents and modes by path, `None` for folders."""

    text: str
    args: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[bytes | None, int]]
    links: Mapping[str, str] = field(default_factory=dict)
    ignore: str = ""

    def write(self, root: Path) -> Path:
        """Put the context into a folder."""
        root.mkdir(parents=True)
        for name, (content, mode) in sorted(self.files.items()):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content)
            path.chmod(mode)
        for name, target in self.links.items():
            (root / name).symlink_to(target)
        (root / "Dockerfile").write_text(self.text)
        if self.ignore:
            (root / ".dockerignore").write_text(self.ignore)
        return root


def windows_twin(case: Case) -> str:
    """The same Dockerfile for Windows; empty where its last stage stands on another one."""
    *stages, last = case.text.split("\nFROM ")
    if not last.startswith("scratch"):
        return ""
    kept = [line for line in last.splitlines() if not line.startswith(("USER", "STOPSIGNAL"))]
    below = [stage.replace("scratch", "--platform=linux/amd64 scratch", 1) for stage in stages[1:]]
    base = "ARG BASE\n" + stages[0]
    return "\nFROM ".join([base, *below, "\n".join(kept).replace("scratch", "$BASE", 1)]) + "\n"


def made_up(seed: int) -> Case:
    """The Dockerfile of a seed: one to three stages, each of several copies and settings."""
    chance = random.Random(seed)
    files, links = _files(chance)
    folders = [name for name, (content, _) in files.items() if content is None]
    plain = [name for name, (content, _) in files.items() if content is not None]
    args = {"DIR": chance.choice(folders), "VERSION": f"1.{chance.randrange(9)}"}
    lines = ["ARG VERSION=0.1", "ARG SUFFIX"]
    stages = chance.randrange(1, 4)
    for stage in range(stages):
        base = f"stage{stage - 1}" if stage and chance.random() < 0.25 else "scratch"
        lines.append(f"FROM {base} AS stage{stage}")
        # A program that is not in the image is refused, unless nobody can tell.
        lines += ['SHELL ["sh", "-c"]', "ARG VERSION", "ARG DIR=conf", f"ARG OTHER=${{VERSION:-none}}-{seed}"]
        for _ in range(chance.randrange(2, 7)):
            lines.append(chance.choice(_COPIES)(chance, plain, folders, stage))
        for _ in range(chance.randrange(1, 6)):
            lines.append(chance.choice(_SETTINGS)(chance))
    return Case(
        text="\n".join(lines) + "\n", args=args, files=files, links=links, ignore=_ignore(chance, plain)
    )


def _files(chance: random.Random) -> tuple[dict[str, tuple[bytes | None, int]], dict[str, str]]:
    files: dict[str, tuple[bytes | None, int]] = {}
    for name in NAMES:
        files[name] = (None, chance.choice((0o755, 0o700, 0o711)))
        for number in range(chance.randrange(1, 4)):
            files[f"{name}/f{number}.{chance.choice(('txt', 'cfg'))}"] = (
                f"{name} {number}".encode(), chance.choice(MODES)
            )  # fmt: skip
        if chance.random() < 0.6:
            files[f"{name}/sub"] = (None, chance.choice((0o755, 0o750)))
            files[f"{name}/sub/deep file.txt"] = (b"deep", 0o644)
    files["empty"] = (None, 0o755)
    for number in range(3):
        files[f"top{number}.txt"] = (bytes([number]) * number, chance.choice(MODES))
    return files, {"link": chance.choice(("top1.txt", "app")), "conf/inner": "f0.txt"}


def _ignore(chance: random.Random, plain: list[str]) -> str:
    rules = [
        "# left out",
        "lib/sub",
        "**/*.bak",
        "!conf/f0.cfg",
        "data/*",
        "!data/f0.txt",
        f"/{chance.choice(plain)}",
    ]
    return "\n".join(chance.sample(rules, chance.randrange(0, 5)))


def _target(chance: random.Random) -> str:
    return chance.choice(("/", "/out/", "/a/b/c/", "here/", ".", "/opt/x/", "./rel/", "/${OTHER}/"))


def _flags(chance: random.Random) -> str:
    return chance.choice(("", "", "", "--chown=5:6 ", "--chown=7 ", "--chmod=0751 ", "--chmod=600 "))


def _file(chance: random.Random, plain: list[str], _folders: list[str], _stage: int) -> str:
    names = [name for name in plain if " " not in name]
    return f"COPY {_flags(chance)}{chance.choice(names)} {chance.choice((_target(chance), '/one', '/x/two'))}"


def _several(chance: random.Random, plain: list[str], _folders: list[str], _stage: int) -> str:
    names = chance.sample(plain, 2)
    return f'COPY {_flags(chance)}["{names[0]}", "{names[1]}", "{_target(chance).rstrip(".")}all/"]'


def _folder(chance: random.Random, _plain: list[str], folders: list[str], _stage: int) -> str:
    name = chance.choice((*folders, "${DIR}", ".", "link"))
    return f"COPY {_flags(chance)}{name} {chance.choice((_target(chance), '/copied', '/d/e'))}"


def _glob(chance: random.Random, _plain: list[str], _folders: list[str], _stage: int) -> str:
    name = chance.choice(("*.txt", "conf/*", "top[0-1].txt", "*/f?.txt", "a*", "[a-d]*"))
    return f"COPY {_flags(chance)}{name} {_target(chance).rstrip('.')}globbed/"


def _of_stage(chance: random.Random, plain: list[str], folders: list[str], stage: int) -> str:
    if not stage:
        return _folder(chance, plain, folders, stage)
    source = chance.choice(("/", "/", "/."))
    number = chance.randrange(stage)
    return (
        f"COPY --from={chance.choice((number, f'stage{number}'))} {_owner(chance)}{source} {_target(chance)}"
    )


def _owner(chance: random.Random) -> str:
    return chance.choice(("", "", "--chown=11:12 "))


_COPIES = (_file, _several, _folder, _glob, _of_stage)
_SETTINGS = (
    lambda chance: f"WORKDIR {chance.choice(('/work', 'below', '/w/$VERSION', '../up'))}",
    lambda chance: f'ENV A{chance.randrange(4)}="x $VERSION" B=${{A0:-b}}',
    lambda chance: f"ENV OLD some  value {chance.randrange(9)}",
    lambda chance: f"LABEL l{chance.randrange(3)}='q $VERSION' \"a.b\"=c\\ d",
    lambda chance: f"USER {chance.choice(('65532:65532', '7', '0'))}",
    lambda chance: f"EXPOSE {chance.choice(('80', '53/udp 54', '100-103/tcp'))}",
    lambda chance: "VOLUME " + chance.choice(("/vol", '["/v 1", "/v2"]')),
    lambda chance: f"STOPSIGNAL {chance.choice(('SIGINT', '9'))}",
    lambda chance: "ENTRYPOINT " + chance.choice(('["app", "-x"]', 'exec run "it" # now')),
    lambda chance: "CMD " + chance.choice(('["a", "$VERSION"]', "go on", "[]")),
    lambda chance: f"# a comment {chance.randrange(9)}\nENV C=1 \\\n  # within\n  D=2",
    lambda _: 'SHELL ["ash", "-e", "-c"]',
)
