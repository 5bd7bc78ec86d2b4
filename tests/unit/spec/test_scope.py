"""What the rules of one image share: values by operating system, lists with places, placeholders."""

from buildtools.oci.platform import Platform
from buildtools.spec.document import Report
from buildtools.spec.model import ImageSpec, OSTexts, ProjectSpec
from buildtools.spec.scope import Scope, Slot, items, per_os
from buildtools.spec.yaml import read

VALUES = {"os": "linux", "name": "x"}


def scope_of(text: str) -> Scope:
    """The scope of a definition with this text."""
    spec = ImageSpec(name="x", platforms=("linux/amd64",))
    return Scope(spec=spec, project=ProjectSpec(), report=Report(read(text, "image.yaml")), folder="images/x")


def test_a_value_for_every_system_is_its_own_on_each() -> None:
    """And stands where it is written."""
    for os in ("linux", "windows"):
        assert per_os("/app", os, ("to",)) == ("/app", ("to",))
        assert per_os("", os, ("to",)) == ("", ("to",))
        assert per_os(None, os, ("to",)) is None


def test_a_value_by_system_is_missing_where_it_is_left_out() -> None:
    """It stands behind the system's key."""
    both, one = OSTexts(linux="/app", windows="C:\\app"), OSTexts(windows="")
    assert per_os(both, "linux", ("to",)) == ("/app", ("to", "linux"))
    assert per_os(both, "windows", ("to",)) == ("C:\\app", ("to", "windows"))
    assert per_os(one, "windows", ("to",)) == ("", ("to", "windows"))
    assert per_os(one, "linux", ("to",)) is None


def test_entries_of_a_list_have_places() -> None:
    """By position, the same text twice, too."""
    assert items(("a", "b", "a"), ("cmd",)) == {("cmd", 0): "a", ("cmd", 1): "b", ("cmd", 2): "a"}
    assert items((), ("cmd",)) == {}


def test_a_text_that_cannot_be_filled_in_is_a_finding() -> None:
    """Where it stands; those that can are left, in their order."""
    scope = scope_of('a: ["{os}", "{oss}", "{out}", "{{"]\n')
    texts = items(("{os}", "{oss}", "{out}", "{{"), ("a",))
    assert scope.filled_all(texts, VALUES, keep={"out"}) == ("linux", "{out}", "{")
    assert scope.filled("{name}", ("a", 0), VALUES) == "x"
    assert scope.filled("}", ("a", 3), VALUES) is None
    assert [str(finding) for finding in scope.report.findings] == [
        "image.yaml:1:13: unknown placeholder {oss}: did you mean {os}?",
        "image.yaml:1:31: a } stands alone: write }} for a brace that is meant",
    ]


def test_what_the_file_says_is_known_apart_from_defaults() -> None:
    """A key counts although its value is the default's."""
    scope = scope_of("files: [{mode: ''}]\nkind: container\n")
    assert scope.says(("kind",))
    assert scope.says(("files", 0, "mode"))
    assert not scope.says(("files", 0, "owner"))
    assert not scope.says(("engine",))


def test_what_is_done_for_all_windows_releases_knows_none() -> None:
    """Commands and assets have every value but the release."""
    windows = Platform(os="windows", architecture="amd64")
    slot = Slot(platform=windows, label="", trail=(), values={"os": "windows", "release": "ltsc2022"})
    assert slot.os == "windows"
    assert slot.compile_values == {"os": "windows"}
    linux = Slot(platform=windows, label="", trail=(), values=VALUES)
    assert linux.compile_values == VALUES
