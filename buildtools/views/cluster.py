"""What `cluster` prints."""

from collections.abc import Sequence
from typing import Any

from buildtools.aks import Pool, Swept
from buildtools.cluster.checks import Check
from buildtools.console import Table
from buildtools.suite import Manifest
from buildtools.views.findings import SCHEMA


def manifests_table(files: Sequence[Manifest], folder: str) -> Table:
    """The files, and what is in each."""
    rows = [(f"{folder}/{one.name}", ", ".join(one.kinds)) for one in files]
    return Table(columns=("file", "what is in it"), rows=rows)


def manifests_json(files: Sequence[Manifest], folder: str) -> dict[str, Any]:
    """The document of `cluster manifests --json`; a file has its text where no folder was written."""
    return {
        "schema": SCHEMA,
        "folder": folder,
        "files": [
            {"name": one.name, "objects": list(one.kinds)} | ({} if folder else {"text": one.text})
            for one in files
        ],
    }


def checks_table(found: Sequence[Check]) -> Table:
    """A check a row."""
    rows = [(one.name, one.outcome, one.sentence) for one in found]
    return Table(columns=("check", "outcome", "what"), rows=rows)


def checks_json(found: Sequence[Check]) -> dict[str, Any]:
    """The document of `cluster e2e --json` and `cluster nodes --json`."""
    return {
        "schema": SCHEMA,
        "checks": [
            {
                "name": one.name,
                "outcome": one.outcome,
                "sentence": one.sentence,
                "details": list(one.details),
            }
            for one in found
        ],
    }


def pools_table(version: str, pools: Sequence[Pool]) -> Table:
    """A Windows pool a row."""
    title = f"Kubernetes {version}" if version else "the cluster is there"
    rows = [
        (pool.release.aks.pool, pool.release.product, "missing" if pool.fault else "made") for pool in pools
    ]
    return Table(title=title, columns=("pool", "Windows", "what"), rows=rows)


def pools_json(version: str, pools: Sequence[Pool]) -> dict[str, Any]:
    """The document of `cluster up --json`."""
    return {
        "schema": SCHEMA,
        "kubernetes": version,
        "pools": [
            {
                "name": pool.release.aks.pool,
                "release": pool.release.name,
                "made": pool.fault is None,
                "fault": str(pool.fault or ""),
            }
            for pool in pools
        ],
    }


def swept_table(swept: Sequence[Swept]) -> Table:
    """A resource group a row."""
    return Table(columns=("group", "what"), rows=[(one.group, one.what) for one in swept])


def swept_json(swept: Sequence[Swept]) -> dict[str, Any]:
    """The document of `cluster sweep --json`."""
    return {
        "schema": SCHEMA,
        "groups": [{"name": one.group, "what": one.what, "fault": str(one.fault or "")} for one in swept],
    }
