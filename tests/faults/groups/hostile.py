"""Hostile bases and artifacts."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

HOSTILE: Final[tuple[Case, ...]] = (
    case(
        "G01",
        "a manifest of 64 MiB",
        "exit 1; 4 MiB are the limit, and no more is read",
        f"{tests.DOCUMENT}[PULL-10]",
        f"{tests.READS}a_manifest_above_the_limit_is_not_read",
    ),
    case(
        "G02",
        "JSON 200,000 levels deep",
        "exit 4; 32 levels are the limit",
        f"{tests.DOCUMENT}[PULL-11]",
        "unit/oci/test_jsonbytes.py::test_any_bytes_are_read_or_refused",
    ),
    case(
        "G03",
        "indexes in indexes",
        "three levels are copied, no more",
        "integration/test_copy.py::test_a_chain_of_indexes_ends",
    ),
    case(
        "G04",
        "a million layers",
        "exit 1: such a manifest is above the limit of 4 MiB",
        f"{tests.DOCUMENT}[PULL-10]",
    ),
    case(
        "G05",
        "sizes that are negative, fractions or beyond 2^63",
        "refused, the field is named",
        "unit/oci/test_documents.py::test_every_field_of_a_descriptor_is_checked",
    ),
    case(
        "G06",
        "a gzip bomb",
        "no more is inflated than the limit",
        "unit/oci/test_inflated.py::test_a_bomb_ends_at_the_limit",
    ),
    case(
        "G07",
        "paths that lead out of an archive",
        "refused; layers of bases are never unpacked",
        "unit/tiers/test_unpack.py::test_no_layer_writes_outside",
        "unit/sources/test_archives.py::test_names_in_an_archive_decide_about_no_place",
    ),
    case(
        "G08",
        "whiteouts",
        "written by the specification's name; those of bases are not looked at",
        "unit/oci/test_layer.py::test_a_whiteout_has_the_specification_s_name",
    ),
    case(
        "G09",
        "PAX bombs, sparse files",
        "refused with a sentence; entries have a bound",
        "unit/oci/test_tar_read.py::test_a_damaged_archive_has_its_sentence",
        "unit/oci/test_tar_read.py::test_the_number_of_entries_has_a_bound",
    ),
    case(
        "G10",
        "a config with a million entries",
        "exit 1: such a document is above the limit of 4 MiB",
        f"{tests.DOCUMENT}[PULL-10]",
        "unit/oci/test_documents.py::test_hostile_documents_end_in_a_sentence",
    ),
    case(
        "G11",
        "control characters and workflow commands in texts",
        "shown as escapes, so that they do nothing",
        f"{tests.REGISTRY}what_a_server_says_is_made_harmless",
        "unit/test_console.py::test_text_of_strangers_cannot_take_over_the_terminal",
    ),
    case(
        "G12",
        "a base that says another platform than it is",
        "exit 2",
        "integration/test_pins.py::test_a_mislabelled_base_is_refused",
    ),
    case(
        "G13",
        "a `diff_id` that is not its layer's",
        "`check` compares their number with that of the layers; layers of bases are not opened",
        "unit/oci/test_validate.py::test_layers_and_diff_ids_are_counted",
    ),
)
