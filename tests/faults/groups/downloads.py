"""Faults of downloads, bases and mirrors."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

DOWNLOADS: Final[tuple[Case, ...]] = (
    case("E01", "a body that is cut", "as A09", f"{tests.READ}[PULL-01]", f"{tests.READ}[PULL-02]"),
    case("E02", "wrong bytes, always", "exit 4; the mirror is named", f"{tests.SPOILT}[PULL-03]"),
    case(
        "E03",
        "a mirror whose tag is old",
        "what the mirror says counts, since it is read in place of its registry; builds take pinned digests",
        f"{tests.READS}a_mirror_is_read_in_place",
        "integration/test_pins.py::test_stale_pins_are_found_and_moved",
    ),
    case(
        "E04",
        "a mirror that lacks something",
        "exit 1; both names are said, nothing falls back",
        f"{tests.SPOILT}[E04]",
        f"{tests.READS}what_a_mirror_lacks_names_both",
    ),
    case("E05", "a body longer than declared", "exit 4, unread", f"{tests.SPOILT}[PULL-05]"),
    case("E06", "a manifest of another digest", "exit 4", f"{tests.DOCUMENT}[PULL-04]"),
    case(
        "E07",
        "a pinned digest that is gone",
        "the error names the digest",
        f"{tests.READS}a_digest_that_is_gone_is_named",
    ),
    case(
        "E08",
        "a base without the wanted version",
        "exit 2; what there is is listed",
        "integration/test_pins.py::test_a_base_without_the_build_is_refused",
    ),
    case(
        "E09",
        "a tag that moves while a run looks at it",
        "resolved once into the pins; all else is by digest",
        "integration/test_pins.py::test_a_build_needs_no_network_once_pinned",
    ),
    case(
        "E10",
        "layers with URLs of their own",
        "named in the manifest, never copied",
        "integration/test_copy.py::test_foreign_layers_stay_where_they_are",
    ),
)
