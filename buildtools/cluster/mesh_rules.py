"""Rules about Linkerd's annotations on pods for Windows and Linux.

Source: linkerd/linkerd2 (inject, proxy-image and proxy-version annotations; read from the pod's template);
Buoyant's documentation of Windows workloads: the proxy for Windows is an image of its own.
"""

import re
from collections.abc import Iterator
from typing import Final

from buildtools.cluster.members import OS_LABEL
from buildtools.cluster.rules import Case, Fault, Rule, listed
from buildtools.cluster.tree import Value
from buildtools.windows.releases import L4_PROXY_SINCE, product_of

INJECT: Final = "linkerd.io/inject"
PROXY_IMAGE: Final = "config.linkerd.io/proxy-image"
_INJECTING: Final = frozenset({"enabled", "ingress", "windows"})
_FOR_WINDOWS: Final = re.compile(r"(?:^|[/_.-])win(?:dows)?(?:$|[/:@_.-])")
"""An image whose name says that it is for Windows: `proxy-win`."""


def _annotations(case: Case) -> Value:
    return case.workload.pod.get("metadata", "annotations")


def _is_meshed(case: Case) -> bool:
    return _annotations(case).get(INJECT).text in _INJECTING


def _systems_of(case: Case, image: str) -> tuple[str, ...]:
    """The operating systems of a proxy image: what its index says, else what its name says."""
    for text, offer in case.offers.items():
        if text == image or text.startswith((f"{image}:", f"{image}@")):
            return offer.systems
    return ("windows",) if _FOR_WINDOWS.search(image) else ()


def _mesh_proxy(case: Case) -> Iterator[Fault]:
    annotations = _annotations(case)
    if not _is_meshed(case):
        return
    proxy = annotations.get(PROXY_IMAGE)
    windows = case.is_windows or annotations.get(INJECT).text == "windows"
    if windows and proxy.absent:
        yield Fault(
            value=annotations.key(INJECT),
            message=f"it is meshed on Windows without {PROXY_IMAGE}, so that it gets the mesh's own proxy",
            hint=f"add {PROXY_IMAGE}, unless the mesh's proxy image has an entry for Windows",
        )
    systems = _systems_of(case, proxy.text) if proxy.text else ()
    wrong = [
        landing.member
        for landing in case.outcome.landings
        if systems and landing.member.node.os not in systems
    ]
    if wrong:
        yield Fault(
            value=proxy,
            message=(
                f"its proxy image {proxy.text} is for {' and '.join(systems)}, "
                f"and it may land on {listed(wrong)}"
            ),
            hint=f"add nodeSelector: {{{OS_LABEL}: {systems[0]}}}, or leave the annotation out",
            severity="error",
        )


def _mesh_os(case: Case) -> Iterator[Fault]:
    wrong = [landing.member for landing in case.outcome.landings if landing.member.node.os != "windows"]
    if wrong and _annotations(case).get(INJECT).text == "windows":
        yield Fault(
            value=_annotations(case).key(INJECT),
            message=f"{INJECT} is windows, and it may land on {listed(wrong)}",
            hint=f"add nodeSelector: {{{OS_LABEL}: windows}}",
        )


def _mesh_build(case: Case) -> Iterator[Fault]:
    old = [
        landing.member
        for landing in case.outcome.landings
        if landing.member.node.os == "windows" and landing.member.node.version.build < L4_PROXY_SINCE
    ]
    if old and _is_meshed(case):
        yield Fault(
            value=_annotations(case).key(INJECT),
            message=(
                f"it is meshed, and {listed(old)} cannot redirect its connections: "
                f"that begins with {product_of(L4_PROXY_SINCE)}"
            ),
            hint="ask for newer nodes, or leave it out of the mesh",
        )


def _mesh_place(case: Case) -> Iterator[Fault]:
    """Annotations at the workload, which the injector does not read."""
    workload = case.workload
    outer = workload.document.get("metadata", "annotations")
    if workload.pod is workload.document:
        return
    for name in (INJECT, PROXY_IMAGE):
        if not outer.get(name).absent and _annotations(case).get(name).absent:
            yield Fault(
                value=outer.key(name),
                message=f"{name} stands at the {workload.kind}, and the injector reads the pod's template",
                hint="move it to spec.template.metadata.annotations",
            )


MESH_RULES: Final = (
    Rule(code="mesh-proxy", severity="warning", summary="meshed without a fitting proxy", find=_mesh_proxy),
    Rule(code="mesh-os", severity="error", summary="meshed for Windows, lands elsewhere", find=_mesh_os),
    Rule(code="mesh-build", severity="error", summary="meshed on a Windows that cannot be", find=_mesh_build),
    Rule(
        code="mesh-place", severity="warning", summary="annotations where nobody reads them", find=_mesh_place
    ),
)
