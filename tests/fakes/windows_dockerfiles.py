"""Windows Dockerfiles of the shapes that public projects use, told in words of our own.

Each is a Dockerfile with what `image.yaml` says about it, its context, and what the image has to hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HPC = "mcr.microsoft.com/oss/kubernetes/windows-host-process-containers-base-image:v1.0.0"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One Dockerfile; `paths` are the files of its layer, `config` what its config says at least."""

    name: str
    text: str
    definition: str = ""
    context: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...]
    config: Mapping[str, Any]


CALICO = Shape(
    name="calico",
    text="""\
ARG WINDOWS_VERSION
FROM mcr.microsoft.com/windows/nanoserver:${WINDOWS_VERSION}

ARG GIT_VERSION=unknown
LABEL name="Node agent" version="${GIT_VERSION}"
WORKDIR /CalicoWindows
ADD dist/node.exe node.exe
COPY scripts/*.ps1 conf ./
ENV CNI_BIN_DIR="/host/opt/cni/bin"
CMD ["node.exe", "-felix"]
""",
    definition='args: {WINDOWS_VERSION: "{release}", GIT_VERSION: v3.30}\n',
    context={
        "dist/node.exe": "n", "scripts/a.ps1": "a", "scripts/b.ps1": "b", "scripts/c.sh": "c", "conf/x": "x",
    },
    paths=(
        "CalicoWindows", "CalicoWindows/a.ps1", "CalicoWindows/b.ps1", "CalicoWindows/node.exe",
        "CalicoWindows/x",
    ),
    config={
        "Cmd": ["node.exe", "-felix"],
        "Env": ["CNI_BIN_DIR=/host/opt/cni/bin"],
        "WorkingDir": "C:\\CalicoWindows",
    },
)  # fmt: skip

CSI = Shape(
    name="csi",
    text="""\
ARG BASE_IMAGE
ARG ADDON_IMAGE
FROM ${ADDON_IMAGE} as addon

FROM ${BASE_IMAGE}
LABEL description="A sidecar"
ARG binary=bin/sidecar.exe
COPY ${binary} /sidecar.exe
COPY --from=addon /Windows/System32/netapi32.dll /Windows/System32/netapi32.dll
USER ContainerAdministrator
ENTRYPOINT ["/sidecar.exe"]
""",
    definition="args:\n"
    '  BASE_IMAGE: "mcr.microsoft.com/windows/nanoserver:{release}"\n'
    '  ADDON_IMAGE: "mcr.microsoft.com/windows/servercore:{release}"\n',
    context={"bin/sidecar.exe": "s"},
    paths=("Windows", "Windows/System32", "Windows/System32/netapi32.dll", "sidecar.exe"),
    config={"User": "ContainerAdministrator", "Entrypoint": ["/sidecar.exe"]},
)

SECRETS_STORE = Shape(
    name="secrets-store",
    text="""\
ARG BASEIMAGE=mcr.microsoft.com/windows/nanoserver:1809
ARG BASEIMAGE_CORE=mcr.microsoft.com/cache:1.0-linux-amd64
FROM --platform=linux/amd64 ${BASEIMAGE_CORE} AS core

FROM $BASEIMAGE
ARG TARGETARCH
COPY ./_output/${TARGETARCH}/driver.exe /driver.exe
COPY --from=core /Windows/System32/netapi32.dll /Windows/System32/netapi32.dll
USER ContainerAdministrator
ENTRYPOINT ["/driver.exe"]
""",
    definition='args: {BASEIMAGE: "mcr.microsoft.com/windows/nanoserver:{release}"}\n',
    context={"_output/amd64/driver.exe": "d"},
    paths=("Windows", "Windows/System32", "Windows/System32/netapi32.dll", "driver.exe"),
    config={"User": "ContainerAdministrator", "Entrypoint": ["/driver.exe"]},
)

HOST_PROCESS = Shape(
    name="hpc-tool",
    text=f"""\
# escape=`
FROM {HPC}

ENV PATH="C:\\Windows\\system32;C:\\Windows"
COPY tools\\logger.exe `
     tools\\logger.json `
     C:\\hpctool\\
ENTRYPOINT [ "hpctool\\\\logger.exe", "--config", "logger.json" ]
""",
    definition="kind: host-process\n",
    context={"tools/logger.exe": "l", "tools/logger.json": "{}"},
    paths=("hpctool", "hpctool/logger.exe", "hpctool/logger.json"),
    config={
        "Entrypoint": ["hpctool\\logger.exe", "--config", "logger.json"],
        "Env": ["PATH=C:\\Windows\\system32;C:\\Windows"],
    },
)

OTEL = Shape(
    name="otel",
    text="""\
ARG WIN_VERSION=ltsc2019
FROM mcr.microsoft.com/windows/nanoserver:${WIN_VERSION}
COPY otelcol.exe ./otelcol.exe
COPY config.yaml ./config.yaml
ENV NO_WINDOWS_SERVICE=1
ENTRYPOINT ["otelcol.exe"]
CMD ["--config", "config.yaml"]
EXPOSE 4317 55679-55680
""",
    definition='args: {WIN_VERSION: "{release}"}\n',
    context={"otelcol.exe": "o", "config.yaml": "c"},
    paths=("config.yaml", "otelcol.exe"),
    config={
        "Entrypoint": ["otelcol.exe"],
        "Cmd": ["--config", "config.yaml"],
        "ExposedPorts": {"4317/tcp": {}, "55679/tcp": {}, "55680/tcp": {}},
        "Env": ["NO_WINDOWS_SERVICE=1"],
    },
)

SHAPES = (CALICO, CSI, SECRETS_STORE, HOST_PROCESS, OTEL)
