"""Faults of uploads."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

UPLOADS: Final[tuple[Case, ...]] = (
    case(
        "B01",
        "no Location for an upload",
        "published; three tries",
        f"{tests.SURVIVES}[PUSH-22]",
        f"{tests.PUSHES}a_push_that_cannot_work_ends",
    ),
    case(
        "B02",
        "Location as a path, as a URL, with a query or without",
        "published",
        f"{tests.PUSHES}where_a_session_may_be",
    ),
    case(
        "B03",
        "Location on another host",
        "published; no credentials go there",
        f"{tests.FAULTS}push_table.py::test_another_host_gets_the_bytes_and_no_credentials",
        f"{tests.PUSHES}another_host_gets_no_credentials",
    ),
    case(
        "B04",
        "a mount that is refused, in whatever way",
        "the bytes are sent; a session that came instead is used",
        f"{tests.UPLOADS}a_registry_that_does_not_mount_gets_the_bytes",
        f"{tests.UPLOADS}the_session_in_place_of_a_mount_is_used",
    ),
    case(
        "B05",
        "a mount out of another registry",
        "is not asked for",
        f"{tests.PUBLICATIONS}nothing_is_mounted_from_another_registry",
    ),
    case(
        "B06",
        "the answer to a commit is lost",
        "published; the blob is looked for, not sent again",
        f"{tests.SURVIVES}[PUSH-08]",
        f"{tests.PUSHES}what_is_sent_again",
    ),
    case("B07", "the session is gone", "published in a new one", f"{tests.SURVIVES}[PUSH-10]"),
    case(
        "B08",
        "the session was swept by the registry",
        "published in a new one",
        f"{tests.UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    case(
        "B09",
        "less was kept than was sent",
        "the rest is sent; a Range that goes back is not believed",
        f"{tests.UPLOADS}a_registry_that_keeps_less_is_sent_the_rest",
        f"{tests.UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    case(
        "B10",
        "416 to a range",
        "the registry is asked how much it has, else the upload begins anew",
        f"{tests.UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    case("B11", "413 or 416: too much at once", "published in chunks", f"{tests.SURVIVES}[PUSH-15]"),
    case(
        "B12",
        "DIGEST_INVALID",
        "sent once more; a file that is wrong on this side is found before the commit",
        f"{tests.SURVIVES}[PUSH-21]",
        f"{tests.DISKS}rot_between_build_and_publish",
    ),
    case("B13", "201 to a PATCH", "published", f"{tests.SURVIVES}[PUSH-14]"),
    case(
        "B14",
        "a blob is there with another size",
        "sent again",
        f"{tests.PUSHES}a_blob_of_another_size_is_sent_again",
    ),
    case(
        "B15",
        "HEAD of a blob or manifest is denied (403, 405)",
        "published; GET is asked, else it is sent",
        f"{tests.SURVIVES}[PUSH-11]",
        f"{tests.SURVIVES}[PUSH-12]",
        f"{tests.SURVIVES}[PUSH-13]",
    ),
    case(
        "B16",
        "one blob in several entries",
        "sent once",
        f"{tests.PUBLICATIONS}a_blob_of_two_images_is_sent_once_to_each",
    ),
    case(
        "B17",
        "blobs of no and of two bytes",
        "copied like others",
        "integration/test_copy.py::test_all_that_an_index_names_is_copied",
    ),
    case(
        "B18",
        "a file that changes while it is sent",
        "exit 4 before the commit",
        f"{tests.DISKS}rot_between_build_and_publish",
        f"{tests.PUSHES}a_source_that_fails_is_not_the_network",
    ),
    case(
        "B19",
        "a manifest above 4 MiB",
        "refused before it is sent",
        "integration/test_store_contract.py::test_a_manifest_above_the_limit_is_refused",
    ),
    case("B20", "no permission, or no space left", "exit 5 at once", f"{tests.FAILS}[B20]"),
    case("B21", "no such repository", "exit 1 at once; creating it is named", f"{tests.FAILS}[B21]"),
)
