# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Build commands: run once for an operating system and architecture, side by side, gone when they end."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from buildtools.errors import BuildError, MissingToolError
from buildtools.sources import compile as module
from buildtools.sources.compile import Compiled, compile_step, product_folder, stop_all
from buildtools.sources.hashes import HashCache
from buildtools.spec.variant import Variant
from tests.fakes.definitions import Tools, step, variant, write_tree


@dataclass
class Bench:
    """An image's folder and a folder for products; `notes` is what people are told."""

    folder: Path
    notes: list[str] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The image's folder."""
        return self.folder / "app"

    @property
    def work(self) -> Path:
        """Where products go."""
        return self.folder / "work"

    @property
    def runs(self) -> list[str]:
        """What commands noted, a line a run."""
        path = self.folder / "runs"
        return path.read_text().split() if path.exists() else []

    def compile(self, made: Variant) -> Compiled:
        """Run the commands, or find the product."""
        return compile_step(
            made,
            root=self.root,
            work=self.work,
            hashes=HashCache(self.folder / "hashes.json"),
            note=self.notes.append,
        )

    def refused(self, made: Variant) -> str:
        """The sentence, with the test's folder left out."""
        with pytest.raises(BuildError) as caught:
            self.compile(made)
        return str(caught.value).replace(str(self.folder), "BENCH")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A project with one source file."""
    write_tree(tmp_path / "app", "src/main.c", "src/sub/other.c")
    return Bench(tmp_path)


def shell(text: str, system: str = "linux", architecture: str = "amd64", **changes: object) -> Variant:
    """A variant that is built by these lines of shell."""
    return variant(system, architecture, build=step(("/bin/sh", "-euc", text, "sh", "{out}"), **changes))


RUN = 'echo run >> ../runs; echo made > "$1/app"'


def test_the_product_lies_in_a_folder_of_its_toolchain(bench: Bench) -> None:
    """And the commands wrote it there, with a note of what is going on."""
    done = bench.compile(shell(RUN))
    assert done == Compiled(out=bench.work / "app" / "linux-amd64" / "out", reused=False)
    assert (done.out / "app").read_text() == "made\n"
    assert bench.notes == ["app linux/amd64: compiling with /bin/sh"]
    assert product_folder(bench.work, shell(RUN)) == done.out


def test_variants_of_one_toolchain_share_a_run(bench: Bench) -> None:
    """Whatever Windows release they are for; another architecture or system is another run."""
    windows = shell(RUN, "windows")
    assert [
        bench.compile(replace(windows, label="windows/amd64:ltsc2019")).reused,
        bench.compile(replace(windows, label="windows/amd64:ltsc2022")).reused,
        bench.compile(shell(RUN, "windows", "arm64")).reused,
        bench.compile(shell(RUN)).reused,
    ] == [False, True, False, False]
    assert bench.runs == ["run"] * 3


def test_threads_of_one_toolchain_run_it_once(bench: Bench) -> None:
    """The others wait and find the product."""
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: bench.compile(shell(RUN)), range(4)))
    assert sorted(one.reused for one in done) == [False, True, True, True]
    assert bench.runs == ["run"]


def test_two_toolchains_run_side_by_side(bench: Bench) -> None:
    """Each of these commands ends only when the other one runs."""
    os.mkfifo(bench.folder / "here")
    os.mkfifo(bench.folder / "there")
    first = 'echo x > ../here; read y < ../there; echo > "$1/app"'
    second = 'read y < ../here; echo x > ../there; echo > "$1/app"'
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(bench.compile, shell(first)),
            pool.submit(bench.compile, shell(second, "linux", "arm64")),
        ]
        assert [future.result(timeout=60).reused for future in futures] == [False, False]


def _input(bench: Bench) -> Variant:
    (bench.root / "src" / "sub" / "other.c").write_text("changed")
    return shell(RUN, inputs=("src",))


def _new_input(bench: Bench) -> Variant:
    write_tree(bench.root, "src/new.c")
    return shell(RUN, inputs=("src",))


def _touched_product(bench: Bench) -> Variant:
    (product_folder(bench.work, shell(RUN)) / "app").write_text("meddled with\n")
    return shell(RUN, inputs=("src",))


def _lost_product(bench: Bench) -> Variant:
    (product_folder(bench.work, shell(RUN)) / "app").unlink()
    return shell(RUN, inputs=("src",))


def _more_product(bench: Bench) -> Variant:
    write_tree(product_folder(bench.work, shell(RUN)), "sub/more")
    return shell(RUN, inputs=("src",))


def _broken_stamp(bench: Bench) -> Variant:
    (product_folder(bench.work, shell(RUN)).parent / "stamp.json").write_text("[]")
    return shell(RUN, inputs=("src",))


@pytest.mark.parametrize(
    "change",
    [
        _input,
        _new_input,
        _touched_product,
        _lost_product,
        _more_product,
        _broken_stamp,
        lambda _: shell(RUN + "; true", inputs=("src",)),
        lambda _: shell(RUN, inputs=("src",), env={"A": "1"}),
    ],
)
def test_what_makes_a_new_run(bench: Bench, change: Callable[[Bench], Variant]) -> None:
    """An input, the commands, their environment, or a product that somebody touched; only once each."""
    made = shell(RUN, inputs=("src",))
    assert [bench.compile(made).reused, bench.compile(made).reused] == [False, True]
    changed = change(bench)
    done = bench.compile(changed)
    assert [done.reused, bench.compile(changed).reused] == [False, True]
    assert (done.out / "app").read_text() == "made\n"
    assert [path.name for path in done.out.iterdir()] == ["app"]


def test_a_new_version_of_a_tool_makes_a_new_run(bench: Bench, tools: Tools) -> None:
    """The tool that was found is the one that runs, and the note names its version."""
    text = 'case "$1" in --version) echo "cc {version}";; *) echo {version} > "$1/app";; esac'
    made = variant(build=step(("cc", "{out}"), tools={"cc": ">=1"}))
    tools("one", "cc", text.replace("{version}", "1.0.1"))
    done = bench.compile(made)
    assert (done.out / "app").read_text() == "1.0.1\n"
    tools("one", "cc", "exit 1").unlink()
    tools("two", "cc", text.replace("{version}", "1.0.2"))
    assert not bench.compile(made).reused
    assert (done.out / "app").read_text() == "1.0.2\n"
    assert bench.notes == [f"app linux/amd64: compiling with cc {number}" for number in ("1.0.1", "1.0.2")]


def test_a_missing_tool_is_found_out_first(bench: Bench, tools: Tools) -> None:
    """Nothing runs, and the product stays as it was."""
    bench.compile(shell(RUN))
    with pytest.raises(MissingToolError) as caught:
        bench.compile(shell(RUN, tools={"zig": "==0.15.1"}))
    assert (
        str(caught.value) == "zig ==0.15.1 is needed, none is on PATH: install it as the PyPI package ziglang"
    )
    assert bench.compile(shell(RUN)).reused


def test_what_commands_see_of_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where things are, what the definition says and passes on; not how the caller likes to build."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    hidden = {"GOFLAGS": "-tags=mine", "CC": "mine", "SECRET": "x"}
    seen = {"PATH": "/usr/bin:/bin", "https_proxy": "http://proxy:3128", "TOKEN": "t"}
    for name, value in {**hidden, **seen, "TZ": "Asia/Tokyo", "LC_ALL": "de_DE"}.items():
        monkeypatch.setenv(name, value)
    own = {"CGO_ENABLED": "0", "CACHE": "{out}/cache"}
    done = bench.compile(
        variant(build=step(("/bin/sh", "-c", 'env > "$0/env"', "{out}"), env=own, pass_env=("TOKEN",)))
    )
    lines = [line.partition("=")[::2] for line in (done.out / "env").read_text().splitlines()]
    fresh = f"{bench.work}/app/linux-amd64/out.new"
    expected = {**seen, "TZ": "UTC", "LC_ALL": "C.UTF-8", "CGO_ENABLED": "0", "CACHE": f"{fresh}/cache"}
    assert {name: text for name, text in lines if name not in {"PWD", "SHLVL", "_", "OLDPWD"}} == expected


def test_commands_run_in_their_folder_one_after_the_other(bench: Bench) -> None:
    """The first that fails is the last; nothing is read from the terminal."""
    commands = (
        ("/bin/sh", "-c", 'pwd > "$0/app"; cat >> "$0/app"', "{out}"),
        ("/bin/sh", "-c", 'echo second >> "$0/app"', "{out}"),
    )
    done = bench.compile(variant(build=step(*commands, workdir="src")))
    assert (done.out / "app").read_text() == f"{bench.root}/src\nsecond\n"
    failing = (("/bin/sh", "-c", "exit 3"), *commands)
    assert bench.refused(variant(build=step(*failing))) == (
        "app linux/amd64: /bin/sh -c exit 3 ended with 3 in BENCH/app:\n    (it printed nothing)"
    )


def test_the_end_of_a_failures_output_is_shown(bench: Bench) -> None:
    """The last forty lines of both streams, whatever bytes are in them; the old product stays."""
    bench.compile(shell(RUN))
    text = "seq 1 50; printf 'caf\\351 \\r\\n' >&2; exit 7"
    sentence = bench.refused(variant(build=step(("/bin/sh", "-c", text))))
    head, *lines = sentence.split("\n")
    assert head == f"app linux/amd64: /bin/sh -c {text} ended with 7 in BENCH/app:"
    assert lines == [f"    {number}" for number in range(12, 51)] + ["    caf\ufffd"]
    assert sorted(path.name for path in (bench.work / "app" / "linux-amd64").iterdir()) == [
        "lock",
        "out",
        "stamp.json",
    ]
    assert bench.compile(shell(RUN)).reused


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (variant(), "app has no build commands"),
        (
            shell("echo x > app"),
            "app linux/amd64: the build commands wrote nothing to {out}: write what belongs into the image to {out}",
        ),
        (
            shell("kill -9 $$"),
            "app linux/amd64: /bin/sh -euc kill -9 $$ sh BENCH/work/app/linux-amd64/out.new ended with -9 in BENCH/app:\n    (it printed nothing)",
        ),
        (
            variant(build=step(("no-such-program", "x"))),
            "app: no-such-program cannot be started (No such file or directory): install it, or name it under `build.tools` to have its version looked for",
        ),
        (
            variant(build=step(("/bin/true",), workdir="scr")),
            "app: the build's folder BENCH/app/scr does not exist: mend `workdir`",
        ),
    ],
)
def test_what_goes_wrong_is_a_sentence(bench: Bench, made: Variant, sentence: str) -> None:
    """Only files under {out} count, and a program is named that is not there."""
    assert bench.refused(made) == sentence


WAITS = "exec 3> ../alive; sleep 1000 & echo started >&3; wait"
"""Holds a pipe open, as does its child: whoever reads it sees the end when both are gone."""


@pytest.fixture
def alive(bench: Bench) -> Path:
    """The pipe."""
    os.mkfifo(bench.folder / "alive")
    return bench.folder / "alive"


def test_stop_all_ends_commands_and_their_children(bench: Bench, alive: Path) -> None:
    """A thread that waits for its command gets on at once."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(bench.refused, shell(WAITS))
        with alive.open() as pipe:
            assert pipe.readline() == "started\n"
            # The thread may not have noted its command yet, so a build asks again until it has ended, too.
            while not future.done():
                stop_all()
                wait([future], timeout=0.02)
            assert pipe.read() == ""
        assert future.result(timeout=60).endswith(" ended with -9 in BENCH/app:\n    (it printed nothing)")
    stop_all()


def test_an_interrupt_ends_the_command(bench: Bench, alive: Path) -> None:
    """Ctrl-C leaves neither a process nor half a product."""
    seen: list[str] = []

    def interrupt() -> None:
        with alive.open() as pipe:
            seen.append(pipe.readline())
            # Commands run in threads that no signal reaches; here it must not come before the wait.
            while not module._RUNNING:
                time.sleep(0.01)
            time.sleep(0.1)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            seen.append(pipe.read())

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        bench.compile(shell(WAITS))
    thread.join()
    assert seen == ["started\n", ""]
    assert [path.name for path in (bench.work / "app" / "linux-amd64").iterdir()] == ["lock"]


@pytest.mark.parametrize("output", [">/dev/null 2>&1", ""])
def test_what_a_command_leaves_behind_is_ended(bench: Bench, alive: Path, output: str) -> None:
    """A daemon of a compiler keeps no build waiting, whether or not it holds the command's output."""
    text = f'exec 3> ../alive; sleep 1000 {output} & echo made > "$1/app"'
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(bench.compile, shell(text))
        with alive.open() as pipe:
            assert pipe.read() == ""
        assert (future.result(timeout=60).out / "app").read_text() == "made\n"


def test_windows_has_no_process_groups(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the command itself is ended."""
    process = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        monkeypatch.setattr(module.os, "name", "nt")
        module._kill(process)
        monkeypatch.undo()
    assert process.returncode == -signal.SIGKILL
