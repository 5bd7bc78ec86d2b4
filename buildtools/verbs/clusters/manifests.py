"""`cluster manifests`."""

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from buildtools.cluster.members import Taint
from buildtools.cluster.meshed import MESHES
from buildtools.cluster.providers import LINUX_CNI, NAMES, Cni, provider
from buildtools.cluster.suite import PARTS, Suite
from buildtools.errors import UsageError
from buildtools.suite import IMAGES, checked, joined, manifests, write_folder
from buildtools.verbs.base import Run, json_argument, project_argument
from buildtools.verbs.clusters.base import NAMESPACE
from buildtools.views.cluster import manifests_json, manifests_table

_TAINT: Final = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_./-]*)(?:=([A-Za-z0-9_.-]*))?:(NoSchedule|NoExecute|PreferNoSchedule)"
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the word's own arguments."""
    parser.add_argument(
        "--provider", choices=NAMES, required=True, help="the kind of cluster: taints and places differ"
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME=REF",
        help=f"an image with its tag or digest; NAME is one of {', '.join(_names())} (repeat for several)",
    )
    parser.add_argument(
        "--images",
        default="",
        metavar="JSON",
        help="the same as `publish --github-output` gives them; empty for none",
    )
    parser.add_argument("--tag", metavar="TAG", help="this tag of every image that is not named")
    parser.add_argument(
        "--registry",
        metavar="PLACE",
        help="where those are, as ghcr.io/acme (default: the registry of the project's defaults.yaml)",
    )
    project_argument(parser)
    _shape_arguments(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write a folder of files instead of one stream on stdout"
    )
    json_argument(parser)


def _shape_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--namespace", default=NAMESPACE, metavar="NAME", help=f"where it goes (default: {NAMESPACE})"
    )
    parser.add_argument(
        "--name", default="whoami", metavar="NAME", help="what the servers are called (default: whoami)"
    )
    parser.add_argument(
        "--part",
        action="append",
        choices=PARTS,
        metavar="PART",
        help=f"only this part: {', '.join(PARTS)} (repeat for several; default: all)",
    )
    parser.add_argument(
        "--mesh",
        choices=MESHES,
        default="none",
        help="the mesh of the demo: oss (Linkerd), bel (Buoyant Enterprise for Linkerd) (default: none)",
    )
    parser.add_argument(
        "--proxy-image",
        default="",
        metavar="NAME:TAG",
        help="the mesh's proxy: with oss for all operating systems, with bel for Windows",
    )
    _node_arguments(parser)


def _node_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--taint",
        action="append",
        default=[],
        type=_taint,
        metavar="KEY=VALUE:EFFECT",
        help="a taint of the Windows nodes beside the provider's (repeat for several)",
    )
    parser.add_argument(
        "--cni-bin",
        metavar="DIR",
        help="where Windows nodes keep CNI plugins (default: the provider's place)",
    )
    parser.add_argument(
        "--cni-conf",
        metavar="PATTERN",
        help=r"which CNI configuration Windows nodes read, as C:\cni\conf\*.conflist",
    )


def run(run: Run) -> None:
    """Write the manifests, or print them."""
    files = manifests(checked(_suite(run)))
    out = run.args.out
    if out is not None:
        write_folder(out, files)
        run.show(manifests_json(files, str(out)), manifests_table(files, str(out)))
    elif run.args.json:
        run.json(manifests_json(files, ""))
    else:
        run.console.print(joined(files).removesuffix("\n"))


def _suite(run: Run) -> Suite:
    args = run.args
    parts = tuple(part for part in PARTS if part in (args.part or PARTS))
    return Suite(
        provider=provider(args.provider),
        images=_images(run, parts),
        namespace=args.namespace,
        name=args.name,
        parts=parts,
        taints=tuple(dict.fromkeys(args.taint)),
        cni=_cni(args.cni_bin, args.cni_conf),
        mesh=args.mesh,
        proxy=args.proxy_image,
    )


def _names() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in IMAGES.values() for name in names))


def _images(run: Run, parts: tuple[str, ...]) -> dict[str, str]:
    """References by the names of images: those that are named, then those of the tag; raises UsageError."""
    args = run.args
    found = {**_published(args.images)}
    for text in args.image:
        name, equals, reference = text.partition("=")
        if not (name in _names() and equals and reference):
            raise UsageError(
                f"--image {text} names no image and reference",
                hint=f"write --image NAME=REF, with NAME one of {', '.join(_names())}",
            )
        found[name] = reference
    if args.tag == "":
        raise UsageError("--tag is empty", hint="name a tag that is published, such as main")
    missing = [name for part in parts for name in IMAGES[part] if name not in found]
    if args.tag and missing:
        place = _registry(run)
        found |= {name: f"{place}/{name}:{args.tag}" for name in missing}
    return found


def _registry(run: Run) -> str:
    """Where the images of the tag are; raises UsageError."""
    place = run.args.registry
    if not place:
        try:
            place = run.workspace().project.spec.registry
        except UsageError as error:
            text = f"--tag needs to know where the images are, and {error.message}"
            raise UsageError(text, hint="name it with --registry") from error
    if not place:
        raise UsageError("--tag needs to know where the images are", hint="name it with --registry")
    return str(place).rstrip("/")


def _published(text: str) -> dict[str, str]:
    """What `publish --github-output` gives; raises UsageError."""
    if not text:
        return {}
    try:
        return {str(leg["image"]): f"{leg['name']}@{leg['digest']}" for leg in json.loads(text)["include"]}
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--images is not what `publish --github-output` gives: {error}",
            hint='write {"include": [{"image": ..., "name": ..., "digest": ...}]}',
        ) from error


def _taint(text: str) -> Taint:
    match = _TAINT.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no taint, such as os=windows:NoSchedule")
    return Taint(key=match[1], value=match[2] or "", effect=match[3])


def _cni(folder: str | None, conf: str | None) -> Mapping[str, Cni]:
    if (folder is None) != (conf is None):
        raise UsageError("--cni-bin and --cni-conf belong together", hint="name both")
    return {"linux": LINUX_CNI, "windows": Cni(folder, conf)} if folder and conf else {}
