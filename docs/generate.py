"""Write what is made from the code: the published JSON Schemas and the reference pages.

`python docs/generate.py` writes, `--check` only says what is stale and exits with 3. What is written is the
table of `docs/pages`.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
STALE: Final = 3


def pages() -> dict[Path, str]:
    """Every generated file, by its path below the project, and its text."""
    # A script finds its own folder and what is installed; pages are made of the project that it stands in.
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from docs.pages import PAGES

    return {path: text() for path, text in PAGES.items()}


def main() -> int:
    """Write the stale files, or only name them."""
    arguments = argparse.ArgumentParser(description="Write the schemas and reference pages made from code.")
    arguments.add_argument(
        "--check", action="store_true", help="write nothing; exit with 3 when one is stale"
    )
    check = arguments.parse_args().check
    stale = 0
    for name, text in pages().items():
        path = ROOT / name
        if path.is_file() and path.read_bytes() == text.encode():
            continue
        stale += 1
        sys.stderr.write(f"{name.as_posix()} {'is stale: run `nox -s docs`' if check else 'is written'}\n")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return STALE if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
