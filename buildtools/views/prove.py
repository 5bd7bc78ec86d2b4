"""What `prove` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.console import Table
from buildtools.oci.digest import short
from buildtools.prove import Proven
from buildtools.smoke import SmokeReport
from buildtools.views.findings import SCHEMA, findings_json
from buildtools.views.smoke import contracts_json


def prove_table(found: Sequence[Proven]) -> Table:
    """An index a row: what this machine took, and whether that is right."""
    machine = ""
    if found:
        node = found[0].node
        version = f" {node.os_version}" if node.os_version else ""
        machine = f"{node.os}/{node.architecture}{version}, {node.runtime}"
    return Table(
        title=machine,
        columns=("image", "entry", "platform", "what"),
        rows=[
            (
                one.reference.partition("@")[0],
                short(one.entry) if one.entry else "–",
                one.platform or "–",
                one.what,
            )
            for one in found
        ],
    )


def prove_json(found: Sequence[Proven], report: SmokeReport | None = None) -> dict[str, Any]:
    """The document of `prove --json`; `contracts` are there where they were asked for."""
    tried = {} if report is None else {"contracts": contracts_json(report)}
    return {
        "schema": SCHEMA,
        "images": [
            {
                "reference": one.reference,
                "machine": str(one.node.platform),
                "entry": one.entry or "",
                "platform": one.platform,
                "what": one.what,
                "reason": one.reason,
                "findings": findings_json(one.findings)["findings"],
            }
            for one in found
        ],
        **tried,
    }
