"""kubectl, which knows how to reach a cluster: what we ask of it, as few calls as there are.

`Kubectl.find()` gives one, or raises MissingToolError. Every method raises AuthenticationError where the
cluster refuses, UnavailableError where it cannot be reached, BuildError for any other complaint.
"""

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import IO, Any, Final
from urllib.parse import quote

from buildtools.errors import BuildError
from buildtools.programs import Answer, Kind, Program, Started, find

KIND: Final = Kind(
    name="kubectl",
    install="install it (kubernetes.io/docs/tasks/tools) or name it with --kubectl",
    unavailable=(
        "connection refused",
        "unable to connect to the server",
        "no such host",
        "i/o timeout",
        "tls handshake timeout",
        "the server is currently unable",
        "context deadline exceeded",
    ),
    refused=("unauthorized", "forbidden", "you must be logged in"),
    login="log in to the cluster, or ask who owns it for rights",
)
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """A cluster, by the way of kubectl; `namespace` is empty for the context's own."""

    program: Program
    namespace: str = ""
    seconds: float = SECONDS

    @classmethod
    def find(
        cls, path: str = "", *, context: str = "", say: Callable[[str], None] = lambda _text: None
    ) -> "Kubectl":
        """The kubectl at this path, else the one on PATH; raises MissingToolError."""
        program = find(KIND, path, say=say)
        before = ("--context", context) if context else ()
        return cls(program=replace(program, before=before))

    def within(self, namespace: str) -> "Kubectl":
        """The same cluster, asked about another namespace."""
        return replace(self, namespace=namespace)

    def get(self, kind: str, *, label: str = "") -> list[Any]:
        """The objects of a kind, those with this label where one is given, as JSON has them."""
        arguments = [
            "get",
            kind,
            *self._where(),
            *(["--selector", label] if label else []),
            "--output",
            "json",
        ]
        found = self._json(arguments)
        items = found.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise BuildError(f"kubectl get {kind} did not answer with a list")
        return items

    def raw(self, path: str) -> str:
        """What the API server answers to a GET of this path."""
        return self.program.answer("get", "--raw", path, seconds=self.seconds)

    def asking(self, path: str) -> AbstractContextManager[Started]:
        """The same without waiting: the block goes on, and `finish` gives the answer."""
        return self.program.started("get", "--raw", path)

    def apply(self, text: str) -> str:
        """Create or change what is in a manifest; gives what kubectl says of it."""
        return self.program.answer(
            "apply", *self._where(), "--filename", "-", stdin=text, seconds=self.seconds
        )

    def create(self, text: str) -> str:
        """Create what is in a manifest and is not there yet; gives what kubectl says of it."""
        return self.program.answer(
            "create", *self._where(), "--filename", "-", stdin=text, seconds=self.seconds
        )

    def running(
        self, *arguments: str, output: "IO[bytes] | int"
    ) -> "AbstractContextManager[subprocess.Popen[bytes]]":
        """Any call that goes on meanwhile, such as one that watches or follows; it ends with the block."""
        return self.program.running(*arguments, *self._where(), output=output)

    def end_pod(self, name: str, *, grace: int) -> None:
        """Ask a pod to end within these seconds, and do not wait; none are left to it where they are 0."""
        at_once = () if grace else ("--force", "--ignore-not-found")
        self.program.answer(
            *("delete", "pod", name, *self._where(), f"--grace-period={grace}", *at_once, "--wait=false"),
            seconds=self.seconds,
        )

    def delete(self, kind: str, name: str, *, seconds: float) -> None:
        """Delete an object and wait until it is gone; one that is not there is gone."""
        self.program.answer(
            *("delete", kind, name, *self._where(), "--ignore-not-found", "--wait"),
            f"--timeout={seconds:g}s",
            seconds=seconds + SECONDS,
        )

    def logs(self, pod: str, container: str = "") -> str:
        """What a pod has printed, of one container or of all."""
        which = ["--container", container] if container else ["--all-containers", "--prefix"]
        return self.program.answer("logs", pod, *self._where(), *which, seconds=self.seconds)

    def try_(self, *arguments: str) -> Answer:
        """Any other call, for a person to read; raises nothing for what it says."""
        return self.program.call(*arguments, *self._where(), seconds=self.seconds)

    def proxied(self, pod: str, port: int, path: str) -> str:
        """The API server's path to a pod's HTTP port: no route from here to the pod is needed."""
        place = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy"
        return f"{place}/{quote(path.lstrip('/'), safe='/?=&')}"

    def _where(self) -> list[str]:
        return ["--namespace", self.namespace] if self.namespace else []

    def _json(self, arguments: Sequence[str]) -> dict[str, Any]:
        text = self.program.answer(*arguments, seconds=self.seconds)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise BuildError(
                f"kubectl {' '.join(arguments[:2])} did not answer with JSON: {error}"
            ) from error
        if not isinstance(found, dict):
            raise BuildError(f"kubectl {' '.join(arguments[:2])} did not answer with an object")
        return found
