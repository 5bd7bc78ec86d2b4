# ruff: noqa: D103, T201 - a program of its own, whose functions are kubectl's commands
"""A kubectl whose cluster is this machine: a pod is a program that is started here, and asked at its port.

KUBECTL_STATE is a folder with what it knows: `nodes.json`, the pods, and `asked`, a line for each call.
KUBECTL_PROGRAM is what every pod runs, with the pod's arguments. KUBECTL_WAITS makes pods wait for ever for
this reason.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STATE = Path(os.environ.get("KUBECTL_STATE", "."))
PORT = "18080"


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def create() -> None:
    pod = json.load(sys.stdin)
    name, (container,) = pod["metadata"]["name"], pod["spec"]["containers"]
    port = free_port()
    (STATE / f"{name}.json").write_text(json.dumps(pod))
    (STATE / f"{name}.port").write_text(port)
    (STATE / f"{name}.log").touch()
    command = container.get("command", [os.environ["KUBECTL_PROGRAM"]])
    words = [*command, *(word.replace(PORT, port) for word in container.get("args", []))]
    if "KUBECTL_WAITS" not in os.environ:
        subprocess.Popen(
            [sys.executable, __file__, "supervise", name, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    print(f"pod/{name} created")


def supervise(name: str, *words: str) -> None:
    with (STATE / f"{name}.log").open("wb") as log:
        try:
            program = subprocess.Popen(words, stdout=log, stderr=log)
        except OSError as error:
            write(name, "code", f"128 {error.strerror}")
            return
    write(name, "pid", str(program.pid))
    code = program.wait()
    write(name, "code", str(code if code >= 0 else 128 - code))


def write(name: str, kind: str, text: str) -> None:
    path = STATE / f"{name}.{kind}"
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def status(name: str) -> dict[str, Any]:
    code = STATE / f"{name}.code"
    if code.exists():
        number, _, why = code.read_text().partition(" ")
        reason = {"reason": "StartError", "message": why} if why else {"reason": "Completed"}
        state = {"terminated": {"exitCode": int(number), **reason}}
    elif (STATE / f"{name}.pid").exists():
        state = {"running": {}}
    else:
        state = {
            "waiting": {"reason": os.environ.get("KUBECTL_WAITS", "ContainerCreating"), "message": "as told"}
        }
    pod = json.loads((STATE / f"{name}.json").read_text())
    return {**pod, "status": {"containerStatuses": [{"name": "smoke", "state": state}]}}


def watch(name: str) -> None:
    before = None
    while True:
        over = (STATE / f"{name}.deleted").exists() and (STATE / f"{name}.code").exists()
        if (now := status(name)) != before:
            print(json.dumps(now, indent=4), flush=True)
            before = now
        if over:
            return
        time.sleep(0.02)


def logs(name: str) -> None:
    with (STATE / f"{name}.log").open("rb") as log:
        while True:
            over = (STATE / f"{name}.code").exists()
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if over:
                return
            time.sleep(0.02)


def forward(name: str) -> None:
    port = (STATE / f"{name}.port").read_text()
    print(f"Forwarding from 127.0.0.1:{port} -> {PORT}", flush=True)
    signal.pause()


def delete(name: str, *flags: str) -> None:
    pid = STATE / f"{name}.pid"
    (STATE / f"{name}.deleted").touch()
    if pid.exists() and not (STATE / f"{name}.code").exists():
        os.kill(int(pid.read_text()), signal.SIGKILL if "--force" in flags else signal.SIGTERM)
    print(f'pod "{name}" deleted')


def main(*words: str) -> None:
    with (STATE / "asked").open("a") as asked:
        asked.write(" ".join(words) + "\n")
    match words:
        case ["supervise", name, *rest]:
            supervise(name, *rest)
        case ["get", "nodes", *_]:
            print((STATE / "nodes.json").read_text())
        case ["create", *_]:
            create()
        case ["get", "pod", name, *_]:
            watch(name)
        case ["logs", name, *_]:
            logs(name)
        case ["port-forward", name, *_]:
            forward(name.removeprefix("pod/"))
        case ["delete", "pod", name, *flags]:
            delete(name, *flags)
        case _:
            sys.exit(f"error: unknown command {words}")


if __name__ == "__main__":
    main(*sys.argv[1:])
