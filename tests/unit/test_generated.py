"""What is made from code is committed as the code makes it now."""

import re
from pathlib import Path

import pytest

from buildtools.spec.model import PLACEHOLDERS
from buildtools.spec.schema import NAMES, schema_for
from docs.generate import ROOT, pages


@pytest.mark.parametrize("path", pages(), ids=str)
def test_a_generated_file_is_current(path: Path) -> None:
    """Schemas and reference pages are those of today's code: `nox -s docs` writes them."""
    assert (ROOT / path).read_bytes().decode() == pages()[path]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_documents_every_key(name: str) -> None:
    """Each key has a sentence of its own, so the page and editors can show it."""
    document = schema_for(name)
    for shape in (document, *document["$defs"].values()):
        for key, value in shape["properties"].items():
            assert value.get("description", "").endswith("."), key


def test_the_reference_lists_every_placeholder() -> None:
    """What stands in braces is explained."""
    text = pages()[Path("docs/reference/image-yaml.md")]
    assert all(f"| `{{{name}}}` | {said} |" in text for name, said in PLACEHOLDERS.items())


def test_the_reference_explains_every_code_of_check() -> None:
    """A code that `check` prints about files, layers, images or indexes has a row of its own."""
    files = ("oci/validate.py", "oci/lint.py", "windows/lint.py", "sources/examine.py", "check.py")
    sources = "".join((ROOT / "buildtools" / name).read_text(encoding="utf-8") for name in files)
    pattern = r'"([RLT]\d+-[a-z-]+)"|(?:_error|finding)\(\s*"([a-z-]+)"|code="([a-z]+-[a-z-]+)"'
    codes = {code for found in re.findall(pattern, sources) for code in found if code}
    page = (ROOT / "docs/reference/check.md").read_text(encoding="utf-8")
    assert len(codes) > 60
    assert not {code for code in codes if f"`{code}`" not in page}
