# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Lifecycle contracts, tried with small programs on this machine: those that keep one, and those that do not."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

import pytest

from buildtools.oci.config import ImageConfig
from buildtools.oci.documents import canonical_json
from buildtools.spec.model import LifecycleSpec, ProbeSpec, ReadySpec, StopSpec
from buildtools.tiers.base import Contract, Outcome
from buildtools.tiers.native import Native, command, is_mapped
from buildtools.tiers.story import hold
from tests.fakes.definitions import write_script

SERVER = """\
import os, signal, socket, sys

def stopped(number, _):
    print("asked to stop", flush=True)
    sys.exit(int(os.environ.get("STATUS", "0")))

if os.environ.get("IGNORE"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, stopped)
    signal.signal(signal.SIGINT, stopped)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
answers = dict(entry.split("=", 1) for entry in os.environ["ANSWERS"].split("|"))
while True:
    connection, _ = listener.accept()
    with connection:
        path = connection.recv(65536).split()[1].decode()
        status, _, body = answers.get(path, "404 no").partition(" ")
        body = body.encode() if body != "DEEP" else b"[" * 200000
        head = f"HTTP/1.1 {status} x\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
        connection.sendall(b"nonsense" if status == "0" else head.encode() + body)
"""

READY = ReadySpec(http="/ready", within=20.0)
STOP = StopSpec(within=20.0)
ANSWERS = 'ANSWERS=/ready=200 yes|/who=200 {"os": "linux", "n": 1, "more": true}'


def config(*entrypoint: str, **run: Any) -> ImageConfig:
    """An image's config for this processor."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"Entrypoint": list(entrypoint), **run},
    }
    return ImageConfig.parse(canonical_json(document))


def python(root: Path, text: str) -> None:
    """A program in Python at `/app`; without site packages it starts quickly."""
    write_script(root / "app", text, program=f"{sys.executable} -IS")


def run(root: Path, image: ImageConfig | None = None, **lifecycle: Any) -> Outcome:
    """Try the contract of the program at `/app`."""
    contract = Contract(
        name="app", config=image or config("/app"), root=root, lifecycle=LifecycleSpec(**lifecycle)
    )
    return hold(contract, Native())


def serve(root: Path, *env: str, **lifecycle: Any) -> Outcome:
    """Try a contract of the server above, in this environment."""
    python(root, SERVER)
    image = config("/app", Env=[ANSWERS, *env])
    return run(root, image, **({"args": ("{port}",), "ready": READY, "stop": STOP} | lifecycle))


def test_a_contract_that_is_kept(tmp_path: Path) -> None:
    """Ready, the expected answer and what else is in it, stopped with the right code, and what was printed."""
    outcome = serve(tmp_path, probe=ProbeSpec(http="/who", json={"os": "linux", "n": 1}))
    assert outcome.kept
    assert outcome.ready is not None
    assert outcome.answer == {"os": "linux", "n": 1, "more": True}
    assert outcome.exit_code == 0
    assert outcome.log == ("listening", "asked to stop")


@pytest.mark.parametrize(
    ("lifecycle", "env", "findings", "code"),
    [
        ({"stop": StopSpec(event="interrupt", within=20.0)}, "STATUS=0", (), 0),
        ({"exit": 3}, "STATUS=3", (), 3),
        ({}, "STATUS=3", ("ended with 3, expected 0",), 3),
        ({"exit": 3}, "STATUS=0", ("ended with 0, expected 3",), 0),
        ({"stop": StopSpec(within=0.1)}, "IGNORE=1", ("SIGTERM did not end it within 0.1 seconds",), None),
        (
            {"ready": ReadySpec(http="/never", within=0.2)},
            "STATUS=0",
            ("was not ready within 0.2 seconds",),
            None,
        ),
    ],
)
def test_how_a_program_stops(
    tmp_path: Path, lifecycle: dict[str, Any], env: str, findings: tuple[str, ...], code: int | None
) -> None:
    """On the event asked for, with the code asked for, in the time asked for; one that runs on has no code."""
    outcome = serve(tmp_path, env, **lifecycle)
    assert (outcome.findings, outcome.exit_code) == (findings, code)
    assert outcome.kept == (not findings)


@pytest.mark.parametrize(
    ("answer", "probe", "findings"),
    [
        ("200 text", ProbeSpec(http="/who"), ()),
        ("200 text", ProbeSpec(http="/who", json={"a": 1}), ("did not answer /who with a JSON object",)),
        ("200 [1]", ProbeSpec(http="/who", json={"a": 1}), ("did not answer /who with a JSON object",)),
        ("200 DEEP", ProbeSpec(http="/who", json={"a": 1}), ("did not answer /who with a JSON object",)),
        (
            '200 {"a": "1", "b": null}',
            ProbeSpec(http="/who", json={"a": 1, "b": None, "c": "x"}),
            ("answered a = '1', expected 1", "answered c = None, expected 'x'"),
        ),
        ("500 no", ProbeSpec(http="/who"), ("answered 500 to /who",)),
        ("0 no", ProbeSpec(http="/who"), ("answered nothing to /who",)),
        ("200 x", ProbeSpec(http="/gone"), ("answered 404 to /gone",)),
        ("200 x", ProbeSpec(http="/wer da ö"), ("answered 404 to /wer da ö",)),
    ],
)
def test_what_a_program_answers(
    tmp_path: Path, answer: str, probe: ProbeSpec, findings: tuple[str, ...]
) -> None:
    """What is wrong with an answer is said, and the program is stopped all the same."""
    outcome = serve(tmp_path, f"ANSWERS=/ready=200 yes|/who={answer}", probe=probe)
    assert outcome.findings == findings
    assert outcome.log == ("listening", "asked to stop")
    assert outcome.exit_code == 0


def test_a_path_of_any_characters_arrives(tmp_path: Path) -> None:
    """Percent-encoded, with its question as it is written."""
    answers = "ANSWERS=/ready=200 yes|/w%C3%B6%20x?%41&b=200 {}"
    assert serve(tmp_path, answers, probe=ProbeSpec(http="/wö x?%41&b")).findings == ()


def test_a_program_that_dies_early(tmp_path: Path) -> None:
    """Before it was ready; what it printed last is there to read."""
    python(tmp_path, 'for n in range(30): print(f"line {n} ")\nraise SystemExit(4)\n')
    outcome = run(tmp_path, ready=READY, stop=STOP)
    assert outcome.findings == ("ended with 4 before it was ready",)
    assert (outcome.exit_code, outcome.ready) == (4, None)
    assert outcome.log == tuple(f"line {number}" for number in range(10, 30))


def test_a_program_that_a_signal_ends(tmp_path: Path) -> None:
    """It does not handle the event, so its code is the signal's."""
    python(tmp_path, "import signal\nsignal.pause()\n")
    assert run(tmp_path, stop=STOP).findings == ("ended with -15, expected 0",)


@pytest.mark.parametrize(
    ("text", "lifecycle", "findings", "code"),
    [
        ("raise SystemExit(95)", {"exit": 95}, (), 95),
        ("", {}, (), 0),
        ("raise SystemExit(1)", {}, ("ended with 1, expected 0",), 1),
        ("import signal\nsignal.pause()", {"within": 0.1}, ("did not end within 0.1 seconds",), None),
    ],
)
def test_a_program_that_ends_by_itself(
    tmp_path: Path, text: str, lifecycle: dict[str, Any], findings: tuple[str, ...], code: int | None
) -> None:
    """Nothing is asked and nothing is sent; it has its time."""
    python(tmp_path, text)
    outcome = run(tmp_path, **lifecycle)
    assert (outcome.findings, outcome.exit_code, outcome.ready) == (findings, code, None)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Neither the program nor what it started, which is said: both hold this pipe open."""
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    # The shell's child has the shell's name until it has become `sleep`.
    become = 'until read -r name < /proc/$!/comm && [ "$name" = sleep ]; do :; done'
    script = f"exec 3> alive\ntrap '' TERM\nsleep 1000 &\n{become}\necho started >&3\n"
    write_script(tmp_path / "app", script)
    outcome = run(tmp_path, config("/app", Env=["PATH=/usr/bin:/bin"]))
    assert outcome.findings == ("left running: sleep",)
    os.set_blocking(reader, True)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "started\n"


def test_what_a_program_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's environment, the contract's over it, and the image's folder; nothing of the caller's."""
    monkeypatch.setenv("SECRET", "x")
    (tmp_path / "data").mkdir()
    write_script(tmp_path / "bin" / "app", 'echo "$# $1 $2"; echo "$A $B $SECRET."; pwd; cat')
    image = config(
        "/bin/app", "-v", Cmd=["{port}"], WorkingDir="/data", Env=["PATH=/usr/bin:/bin", "A=a=b", "B=image"]
    )
    outcome = run(tmp_path, image, env={"B": "contract"})
    port = outcome.log[0].rpartition(" ")[2]
    assert outcome.log == (f"2 -v {port}", "a=b contract .", str(tmp_path / "data"))
    assert 1024 <= int(port) <= 65535


@pytest.mark.parametrize(
    ("image", "finding"),
    [
        (config("/gone"), "cannot be started (No such file or directory)"),
        (config("/text"), "cannot be started (Permission denied)"),
        (config("/odd"), "cannot be started (Exec format error)"),
        (config("/app", WorkingDir="/gone"), "cannot be started (No such file or directory)"),
        (config(), "cannot be started (its image names no program)"),
    ],
)
def test_a_program_that_cannot_be_started(tmp_path: Path, image: ImageConfig, finding: str) -> None:
    """Says why."""
    (tmp_path / "text").write_text("text")
    (tmp_path / "odd").write_text("odd")
    (tmp_path / "odd").chmod(0o755)
    write_script(tmp_path / "app", "exit 0")
    assert run(tmp_path, image) == Outcome(findings=(finding,))


@pytest.mark.parametrize(
    ("image", "args", "words"),
    [
        (config("/app"), (), ["/image/app"]),
        (config("app", "-p", "{port}"), (), ["/image/app", "-p", "8080"]),
        (config("/app", Cmd=["serve", ":{port}"]), (), ["/image/app", "serve", ":8080"]),
        (config("/app", Cmd=["serve"]), ("--port={port}",), ["/image/app", "--port=8080"]),
        (config(Cmd=["/bin/app", "x"]), (), ["/image/bin/app", "x"]),
    ],
)
def test_the_command_line(image: ImageConfig, args: tuple[str, ...], words: list[str]) -> None:
    """Entrypoint and cmd, or the contract's arguments in its place; programs are the image's own."""
    assert command(image, LifecycleSpec(args=args), root=Path("/image"), port=8080) == words


@pytest.mark.parametrize(
    ("system", "machine", "image_os", "architecture", "reason"),
    [
        ("linux", "x86_64", "linux", "amd64", ""),
        ("linux", "aarch64", "linux", "arm64", ""),
        ("linux", "riscv64", "linux", "riscv64", ""),
        ("linux", "x86_64", "linux", "arm64", "is for arm64, and this machine is amd64"),
        ("linux", "x86_64", "windows", "amd64", "needs windows"),
        ("darwin", "arm64", "linux", "arm64", "needs linux"),
        ("win32", "AMD64", "windows", "amd64", "needs windows"),
    ],
)
def test_what_this_machine_can_run(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, image_os: str, architecture: str, reason: str
) -> None:
    """Linux images of its own processor, on Linux."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    document = {"os": image_os, "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": []}}
    assert Native().unavailable(ImageConfig.parse(canonical_json(document))) == reason


def test_a_user_that_cannot_be_switched_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract is tried as who we are, and that is said."""
    write_script(tmp_path / "app", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    outcome = run(tmp_path, config("/app", User="4242"))
    assert outcome.findings == ()
    assert outcome.remarks == (
        "ran as the user of this session and not as 4242, which only root can switch to",
    )
    assert run(tmp_path, config("/app", User="1234")).remarks == ()


@pytest.mark.parametrize(("value", "sent"), [("", "TERM"), ("SIGUSR1", "USR1"), ("2", "INT")])
def test_the_image_s_own_stop_signal(tmp_path: Path, value: str, sent: str) -> None:
    """What a container engine would send."""
    traps = "".join(f"trap 'echo {name}; exit 0' {name}\n" for name in ("TERM", "USR1", "INT"))
    text = f"{traps}: > ready\nwhile :; do /bin/sleep 0.05; done"
    write_script(tmp_path / "app", text)
    contract = Contract(
        name="app", config=config("/app", StopSignal=value), root=tmp_path, lifecycle=LifecycleSpec()
    )
    with Native().started(contract) as running:
        while not (tmp_path / "ready").exists():
            assert running.wait(0.01) is None
        running.deliver("shutdown")
        assert running.wait(20) == 0
        assert running.log() == (sent,)


def test_a_signal_that_is_ignored_is_named(tmp_path: Path) -> None:
    """By the image's own word."""
    python(tmp_path, SERVER)
    image = config("/app", Env=[ANSWERS, "IGNORE=1"], StopSignal="TERM")
    outcome = run(tmp_path, image, args=("{port}",), ready=READY, stop=StopSpec(within=0.1))
    assert outcome.findings == ("TERM did not end it within 0.1 seconds",)


@pytest.mark.parametrize(
    ("table", "uid", "there"),
    [
        ("         0          0 4294967295\n", 65532, True),
        ("         0       1000          1\n", 65532, False),
        ("         0       1000          1\n", 0, True),
        ("0 1000 1\n1 100000 65536\n", 65536, True),
        ("0 1000 1\n1 100000 65536\n", 65537, False),
    ],
)
def test_users_of_a_user_namespace(tmp_path: Path, table: str, uid: int, there: bool) -> None:
    """Its root can become those alone that are mapped."""
    path = tmp_path / "uid_map"
    path.write_text(table)
    assert is_mapped(path, uid) is there
    assert is_mapped(tmp_path / "gone", uid)
