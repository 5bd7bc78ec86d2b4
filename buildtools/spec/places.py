"""Registries that `defaults.yaml` names: where images go, what stands in for what, what is plain HTTP."""

import re
from typing import Final

from buildtools.oci.reference import InvalidReference, parse_reference
from buildtools.spec.document import Report
from buildtools.spec.model import ProjectSpec
from buildtools.spec.platforms import Problem

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_MIRROR_SCHEME: Final = re.compile(r"https?://")
_LOGIN: Final = re.compile(r"(?:[^/]*://)?[^/@]*:[^/@]*@")


def check_places(project: ProjectSpec, report: Report) -> None:
    """Report `registry`, `mirrors` and `plain-http` entries that name no place in a registry."""
    if project.registry and (problem := _bad_registry(project.registry)):
        report.add("registry", ("registry",), problem.message, problem.hint)
    for name, mirror in project.mirrors.items():
        if problem := _bad_registry(name):
            report.add("mirror", ("mirrors", name), problem.message, problem.hint, at_key=True)
        if problem := _bad_place(_MIRROR_SCHEME.sub("", mirror, count=1)):
            report.add("mirror", ("mirrors", name), problem.message, problem.hint)
    for position, host in enumerate(project.plain_http):
        problem = _bad_place(host)
        if problem is None and "/" in host:
            problem = Problem(f'"{host}" is more than a host', f"write {host.partition('/')[0]}")
        if problem:
            report.add("plain-http", ("plain-http", position), problem.message, problem.hint)


def _bad_registry(text: str) -> Problem | None:
    """Why the text names no registry; a single word is an account on Docker Hub, as in references."""
    if problem := _bad_place(text):
        return problem
    host = text.partition("/")[0]
    meant = parse_reference(f"{text}/name").registry
    if meant == host:
        return None
    if "." in host:
        return Problem(f"{host} is another name of {meant}", f"write {meant}{text.removeprefix(host)}")
    return Problem(f'"{text}" has no host in front', f"write the registry's too, as in {meant}/{text}")


def _bad_place(text: str) -> Problem | None:
    """Why the text is not `host[:port][/path]`."""
    if _LOGIN.match(text):
        return Problem("a password stands here", "delete it: secrets stay out of definitions")
    if scheme := _SCHEME.match(text):
        return Problem(f'"{text}" starts with {scheme[0]}', "leave that out")
    host, slash, path = text.partition("/")
    # A port makes every host one that a reference takes for a host, a single word too.
    port = "" if ":" in host.rpartition("]")[2] else ":443"
    try:
        found = parse_reference(f"{host}{port}/{path if slash else 'name'}")
    except InvalidReference:
        found = None
    if found is None or found.tag or found.digest:
        return Problem(
            f'"{text}" is not a place in a registry', "write host[:port][/path], as in ghcr.io/acme"
        )
    return None
