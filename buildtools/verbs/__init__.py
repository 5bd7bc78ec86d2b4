"""The verbs of the command line, a module each: its arguments, and what it does with them.

Only the module of the verb that was asked for is loaded, so that none pays for what another one needs.
"""

import argparse
from importlib import import_module
from typing import Final, NamedTuple, Protocol, cast

from buildtools.verbs.base import Run


class VerbModule(Protocol):
    """What the module of a verb holds."""

    def arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Add the verb's own arguments."""

    def run(self, run: Run, /) -> None:
        """Do what was asked for; raises BuildtoolsError."""


class Verb(NamedTuple):
    """One word of the command line, and what it says of itself."""

    name: str
    help: str

    def module(self) -> VerbModule:
        """The verb's module, loaded now."""
        return cast("VerbModule", import_module(f"{__name__}.{self.name}"))


VERBS: Final = (
    Verb("demo", "build, check, run, publish, verify, rebase and promote the examples here, offline"),
    Verb("plan", "say what would be built, and why"),
    Verb("build", "build images into OCI layouts, one index an image"),
    Verb("publish", "send what was built to registries: blobs, manifests, index, then tags"),
    Verb("promote", "copy what was published to another repository or registry, with all that refers to it"),
    Verb("index", "make one index out of published images, or take some out of it"),
    Verb("rebase", "put published images on the newest patches of their bases, without a build"),
    Verb("check", "find what is wrong in definitions, layouts and layers"),
    Verb("inspect", "show what is in a layout or a registry, and which entry each node takes"),
    Verb("login", "say what would be used to log in to a registry, and what that allows"),
    Verb("verify", "read back what was published, and say whether every node gets the right image"),
    Verb("prove", "let this machine's Docker Engine pull an index, and look whether the right image came"),
    Verb("smoke", "run the contract of built images on every tier that this machine has"),
    Verb("preflight", "say what will run on which node, and what will not, before it is rolled out"),
    Verb("cluster", "try images on a cluster with Linux and Windows nodes: manifests, checks, machines"),
    Verb("registry", "run a throw-away registry on this machine until Ctrl-C, to try things out"),
    Verb("workflows", "write the GitHub Actions workflows, or say where they are not what they should be"),
    Verb("ready", "make a Windows machine of GitHub ready: temporary files on its second disk"),
    Verb("doctor", "say what this machine has of tools, engines, tiers and credentials, and what it lacks"),
    Verb("pins", "resolve bases and fetched assets to digests"),
    Verb("schema", "print the JSON Schema of a definition file"),
)
