"""A small project on disk, without a compiler: definitions and files in a folder."""

from pathlib import Path

DEFAULTS = """\
registry: registry.example/acme
releases: [ltsc2019, ltsc2022, ltsc2025]
bases:
  nanoserver:
    windows: mcr.microsoft.com/windows/nanoserver:{release}
labels:
  org.opencontainers.image.vendor: Acme
"""

HELLO = """\
name: hello
description: Says hello.
platforms: [linux/amd64, linux/arm64, windows/amd64]
base: {linux: scratch, windows: nanoserver}
files:
  - from: hello.sh
    to: {linux: /app/hello.sh, windows: 'C:\\app\\hello.cmd'}
  - from: conf
    to: {linux: /app/conf/, windows: 'C:\\app\\conf\\'}
    exclude: ["*.bak"]
  - directory: {linux: /data, windows: 'C:\\data'}
    acl: users-full
    mode: "0777"
  - symlink: {linux: /app/link, windows: 'C:\\app\\link'}
    target: {linux: conf/one.txt, windows: 'conf\\one.txt'}
config:
  env: {GREETING: hello}
  ports: [8080]
  linux:
    entrypoint: [/app/hello.sh]
    path: [/app]
  windows:
    entrypoint: ['C:\\app\\hello.cmd']
    path: ['C:\\app']
    user: ContainerUser
"""

HOST = """\
name: host
kind: host-process
platforms: [windows/amd64]
base: {windows: host-process}
files:
  - from: host.cmd
    to: {windows: 'C:\\host.cmd'}
config:
  windows: {entrypoint: [host.cmd]}
"""

MADE = """\
name: made
platforms: [linux/amd64, windows/amd64]
base: {linux: scratch, windows: nanoserver}
build:
  run:
    - [python3, make.py, "{out}/made{exe}", "{os}"]
  inputs: [make.py]
files:
  - from: "{out}/made{exe}"
    to: {linux: /made, windows: 'C:\\made.exe'}
config:
  linux: {entrypoint: [/made]}
  windows: {entrypoint: ['C:\\made.exe']}
"""

MAKE = """\
import pathlib, sys
pathlib.Path(sys.argv[1]).write_text("#!/bin/sh\\necho " + sys.argv[2] + "\\n")
"""

FILES = {
    "images/defaults.yaml": DEFAULTS,
    "images/hello/image.yaml": HELLO,
    "images/hello/hello.sh": "#!/bin/sh\necho hello\n",
    "images/hello/conf/one.txt": "one\n",
    "images/hello/conf/deep/two.txt": "two\n",
    "images/hello/conf/old.bak": "left out\n",
    "images/host/image.yaml": HOST,
    "images/host/host.cmd": "@echo host\n",
    "images/made/image.yaml": MADE,
    "images/made/make.py": MAKE,
}


def make_project(root: Path, **changed: str) -> Path:
    """Write the project below `root`; `changed` replaces files by name, or adds them."""
    for name, text in {**FILES, **changed}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return root
