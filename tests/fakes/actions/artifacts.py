"""What the stand-ins for upload-artifact and download-artifact do: a folder for each artifact."""

import fnmatch
import os
import re
import shutil
import sys
from pathlib import Path

STORE = Path(os.environ["STANDIN_STORE"], "artifacts")


def upload() -> None:
    """Files below the paths, from their common folder on."""
    name, paths = (
        os.environ["NAME"],
        [Path(line.strip()) for line in os.environ["PATHS"].splitlines() if line],
    )
    if re.search(r'[":<>|*?\r\n\\/]', name) or (STORE / name).exists():
        sys.exit(f"::error::the artifact's name {name!r} is wrong or taken")
    if not 1 <= int(os.environ["DAYS"]) <= 90 or not 0 <= int(os.environ["LEVEL"]) <= 9:
        sys.exit("::error::retention-days or compression-level")
    files = [
        file
        for path in paths
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file()
    ]
    if not files and os.environ["NONE"] == "error":
        sys.exit(f"::error::no files in {paths}")
    common = Path(os.path.commonpath(paths)) if len(paths) > 1 else paths[0]
    if common.is_file():
        # One file lies on top of its artifact.
        common = common.parent
    for file in files:
        if re.search(r'[":<>|*?\r\n]', str(file)):
            sys.exit(f"::error::{file} cannot be in an artifact")
        if any(part.startswith(".") for part in file.parts):
            continue
        target = STORE / name / file.relative_to(common)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def download() -> None:
    """Artifacts by pattern: side by side, or in one folder."""
    names = sorted(path.name for path in STORE.iterdir())
    wanted = os.environ["NAME"] or os.environ["PATTERN"]
    found = [name for name in names if fnmatch.fnmatch(name, wanted)]
    if not found:
        sys.exit(f"::error::no artifact {wanted}")
    together = os.environ["MERGE"] == "true" or len(found) == 1
    for name in found:
        target = Path(os.environ["TO"]) / ("" if together else name)
        shutil.copytree(STORE / name, target, dirs_exist_ok=True)


{"upload": upload, "download": download}[sys.argv[1]]()
