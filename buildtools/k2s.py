"""K2s on this Windows machine: the host is the worker, a virtual machine the control plane.

Source: Siemens-Healthineers/K2s:docs/op-manual/installing-k2s.md. What can be had without an installation of
Windows and administrator's rights is the order of calls; whether K2s starts on a hosted runner is not known.
"""

from typing import Final

from buildtools.programs import Kind, Program

KIND: Final = Kind(
    name="k2s",
    install="unpack a release of K2s on drive C and name its k2s.exe with --k2s",
    refused=("administrator", "access is denied", "elevated"),
    login="run as administrator",
)
NET: Final = Kind(name="net", install="it is part of Windows: this machine is none")
CPUS: Final = 2
"""Processors of the control plane: with the default of 6 a machine with 4 refuses."""
_INSTALL_SECONDS: Final = 3600.0
_SHORT: Final = 120.0


def up(k2s: Program, net: Program, *, cpus: int) -> None:
    """Install K2s; Docker is stopped first, since both would own the machine's network."""
    # It may not be there, or be stopped already: what matters is that it does not run.
    net.call("stop", "docker", seconds=_SHORT)
    k2s.answer("install", "--master-cpus", str(cpus), seconds=_INSTALL_SECONDS)


def down(k2s: Program) -> None:
    """Take K2s away again, with its machine and its networks."""
    k2s.answer("uninstall", seconds=_INSTALL_SECONDS)
