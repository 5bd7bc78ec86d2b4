"""Stands for syft: the image must be a manifest in its registry, and for the platform that is named.

Source: anchore/stereoscope:pkg/image/oci/registry_provider.go refuses an image of another platform.
"""

import json
import re
import sys
import urllib.request
from pathlib import Path

verb, image, option, platform, output, target = sys.argv[1:]
found = re.fullmatch(r"registry:([^/]+)/([^@]+)@(sha256:[0-9a-f]{64})", image)
if not found or (verb, option, output) != ("scan", "--platform", "--output"):
    sys.exit(f"syft was not expected to be called with {sys.argv[1:]}")
host, name, digest = found.groups()


def get(kind: str, one: str) -> dict[str, object]:
    """A document of the repository."""
    types = "application/vnd.oci.image.manifest.v1+json"
    request = urllib.request.Request(f"http://{host}/v2/{name}/{kind}/{one}", headers={"Accept": types})
    with urllib.request.urlopen(request) as answer:
        document: dict[str, object] = json.load(answer)
        return document


config = get("blobs", get("manifests", digest)["config"]["digest"])  # type: ignore[index] # a manifest has it
if platform != f"{config['os']}/{config['architecture']}":
    sys.exit(f"{image} is for {config['os']}/{config['architecture']} and not for {platform}")
kind, _, path = target.partition("=")
if kind != "spdx-json":
    sys.exit(f"{kind} was not expected")
Path(path).write_text(json.dumps({"spdxVersion": "SPDX-2.3", "name": f"{host}/{name}@{digest}"}))
