"""A build on a real Docker Engine that a person interrupts while a step runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import docker


def interrupt_build(engine: str, arguments: Sequence[str], **env: str) -> None:
    """Start a verb, send Ctrl-C once its step runs, and see that neither it nor a container is left."""
    client = docker.DockerClient(base_url=engine)
    before = {image.id for image in client.images.list()}
    command = [sys.executable, "-m", "buildtools", *arguments]
    environment = {**os.environ, "DOCKER_HOST": engine, **env}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        while not client.containers.list() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "Traceback" not in told
        deadline = time.monotonic() + 30
        while client.containers.list(all=True) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.containers.list(all=True) == []
        assert {image.id for image in client.images.list() if image.tags} <= before
    finally:
        process.kill()
        client.images.prune({"dangling": True})
        client.close()
