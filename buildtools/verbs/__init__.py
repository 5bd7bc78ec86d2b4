"""The verbs of the command line, a module each: its arguments, and what it does with them.

Only the module of the verb that was asked for is loaded, so that none pays for what another one needs.
"""

import argparse
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol, cast

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
    package: str = __name__

    def module(self) -> VerbModule:
        """The verb's module, loaded now."""
        return cast("VerbModule", import_module(f"{self.package}.{self.name}"))

    def parser(self, epilog: str | None) -> dict[str, Any]:
        """What argparse is told of its parser."""
        return {
            "description": f"{self.help[0].upper()}{self.help[1:]}.",
            "epilog": epilog,
            "formatter_class": argparse.RawDescriptionHelpFormatter,
            "allow_abbrev": False,
        }


GROUPS: Final = {
    "try it on this machine": (
        Verb("demo", "build, check, run, publish, verify, rebase and promote the examples here, offline"),
        Verb(
            "doctor", "say what this machine has of tools, engines, tiers and credentials, and what it lacks"
        ),
        Verb("registry", "run a throw-away registry on this machine until Ctrl-C, to try things out"),
    ),
    "build": (
        Verb("plan", "say what would be built, and why"),
        Verb("build", "build images into OCI layouts, one index an image"),
        Verb("check", "find what is wrong in definitions, layouts and layers"),
        Verb("pins", "resolve bases and fetched assets to digests"),
        Verb("schema", "print the JSON Schema of a definition file"),
    ),
    "publish": (
        Verb("login", "say what would be used to log in to a registry, and what that allows"),
        Verb("publish", "send what was built to registries: blobs, manifests, index, then tags"),
        Verb(
            "promote", "copy what was published to another repository or registry, with all that refers to it"
        ),
        Verb("index", "make one index out of published images, or take some out of it"),
        Verb("rebase", "put published images on the newest patches of their bases, without a build"),
    ),
    "prove": (
        Verb("inspect", "show what is in a layout or a registry, and which entry each node takes"),
        Verb("verify", "read back what was published, and say whether every node gets the right image"),
        Verb(
            "prove", "let this machine's Docker Engine pull an index, and look whether the right image came"
        ),
        Verb("smoke", "run the contract of built images on every tier that this machine has"),
        Verb("preflight", "say what will run on which node, and what will not, before it is rolled out"),
        Verb("cluster", "try images on a cluster with Linux and Windows nodes: manifests, checks, machines"),
    ),
    "work in CI": (
        Verb(
            "workflows", "write the GitHub Actions workflows, or say where they are not what they should be"
        ),
        Verb("ready", "make a Windows machine of GitHub ready: temporary files on its second disk"),
    ),
}
"""The verbs by what they are for, in the order in which a newcomer meets them."""

VERBS: Final = tuple(verb for group in GROUPS.values() for verb in group)
