"""The network validator in a network of its own: with the redirect of a service mesh, and without."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.components import missing, require
from tests.fakes.contracts import contracts_of
from tests.fakes.wines import shared_wine

ROOT = Path(__file__).parents[2]
REDIRECT = """\
table ip mesh {
  chain output {
    type nat hook output priority -100;
    tcp dport 1404 redirect to :4140
  }
}
"""
NETWORK = """\
set -eu
ip link set lo up
ip address add 192.0.2.2/32 dev lo
test -z "$1" || printf %s "$1" | nft -f -
shift
exec "$@"
"""
HOLD = """\
import json, sys
from pathlib import Path
from buildtools.oci.config import ImageConfig
from buildtools.spec.model import LifecycleSpec
from buildtools.tiers.base import Contract
from buildtools.tiers.native import Native
from buildtools.tiers.story import hold
from buildtools.tiers.wine import Wine
cache, root, raw, code = sys.argv[1:]
config = ImageConfig.parse(raw.encode())
lifecycle = LifecycleSpec(args=("-timeout", "8s"), exit=int(code), within=60.0)
contract = Contract(name="validator", config=config, root=Path(root), lifecycle=lifecycle)
tier = Native() if config.platform.os == "linux" else Wine(cache=Path(cache))
outcome = hold(contract, tier)
print(json.dumps([outcome.findings, outcome.log]))
"""


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    """The beginning of a command in a network of its own, in which it may do all."""
    command = [require("unshare"), "--map-root-user", "--net"]
    require("ip")
    if not shutil.which("nft", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin"):
        missing("nft is not on PATH")
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        missing("user namespaces are off on this machine")
    return command


def validated(
    unshare: list[str], cache: Path | None, contract: Any, *, rules: str, code: int
) -> tuple[list[str], list[str]]:
    """Hold the contract with this exit code under these rules; what was found, and what it printed."""
    inner = [
        sys.executable,
        "-c",
        HOLD,
        str(cache),
        str(contract.root),
        contract.config.raw.decode(),
        str(code),
    ]
    done = subprocess.run(
        [*unshare, "sh", "-c", NETWORK, "sh", rules, *inner],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{os.environ['PATH']}{os.pathsep}/usr/sbin{os.pathsep}/sbin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    findings, log = json.loads(done.stdout)
    return findings, log


@pytest.mark.parametrize("system", ["linux", "windows"])
def test_the_redirect_is_seen_and_its_absence_too(
    unshare: list[str],
    dist: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    system: str,
) -> None:
    """The very same command ends with 0 behind the redirect, and with 95 where there is none."""
    cache = shared_wine(tmp_path_factory).cache if system == "windows" else None
    contract = contracts_of(dist, "network-validator", tmp_path, os_name=system)[0]
    findings, log = validated(unshare, cache, contract, rules=REDIRECT, code=0)
    assert findings == []
    assert "is redirected to" in log[-1]
    findings, log = validated(unshare, cache, contract, rules="", code=95)
    assert findings == []
    assert "is redirected to" not in log[-1]
