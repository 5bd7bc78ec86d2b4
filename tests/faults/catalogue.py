"""The catalogue of faults: what may go wrong on the way to a registry, what is done, and what shows it.

A row is one case. Its tests are named as pytest does, below `tests/`; a case that does not concern what is
there today says why.
"""

from dataclasses import dataclass
from typing import Final

_FAULTS: Final = "integration/faults/test_"
_SURVIVES: Final = f"{_FAULTS}push_table.py::test_a_publish_survives"
_FAILS: Final = f"{_FAULTS}push_table.py::test_a_publish_fails"
_READ: Final = f"{_FAULTS}pull_table.py::test_a_read_survives"
_SPOILT: Final = f"{_FAULTS}pull_table.py::test_what_was_read_wrong_is_not_published"
_DOCUMENT: Final = f"{_FAULTS}pull_table.py::test_a_document_that_is_wrong_is_refused"
_NETWORKS: Final = f"{_FAULTS}networks.py::test_"
_PUBLICATIONS: Final = f"{_FAULTS}publications.py::test_"
_DISKS: Final = f"{_FAULTS}disks.py::test_"
_RACES: Final = f"{_FAULTS}races.py::test_"
_REGISTRY: Final = "integration/test_registry_faults.py::test_"
_PUSHES: Final = "integration/test_registry_pushes.py::test_"
_UPLOADS: Final = "integration/test_registry_uploads.py::test_"
_LOGIN: Final = "integration/test_registry_login.py::test_"
_READS: Final = "integration/test_registry_read.py::test_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault: its id, what happens, what is done, and the tests that show it, or why none does."""

    id: str
    fault: str
    outcome: str
    tests: tuple[str, ...] = ()
    why: str = ""


def _case(case: str, fault: str, outcome: str, *tests: str, why: str = "") -> Case:
    return Case(id=case, fault=fault, outcome=outcome, tests=tests, why=why)


GROUPS: Final = {
    "A": "Transport",
    "B": "Uploads",
    "C": "Logging in",
    "D": "Publication",
    "E": "Downloads and mirrors",
    "F": "Local state",
    "G": "Hostile bases and artifacts",
}

CASES: Final = (
    _case(
        "A01",
        "connections are refused",
        "six tries, then exit 6; one that comes back is waited for",
        f"{_NETWORKS}nobody_listens",
        f"{_NETWORKS}a_registry_that_comes_back",
    ),
    _case(
        "A02",
        "a host name that nobody knows",
        "exit 6 at once; the host is named",
        f"{_NETWORKS}a_name_that_nobody_knows",
    ),
    _case(
        "A03",
        "a certificate of an unknown authority",
        "exit 6 at once; `SSL_CERT_FILE` is named",
        f"{_NETWORKS}a_certificate_that_is_wrong[unknown authority]",
        f"{_REGISTRY}tls_with_a_private_authority",
    ),
    _case(
        "A04",
        "a certificate that is over, or another host's",
        "exit 6 at once; no weaker transport is tried",
        f"{_NETWORKS}a_certificate_that_is_wrong[expired]",
        f"{_NETWORKS}a_certificate_that_is_wrong[another host]",
    ),
    _case(
        "A05",
        "HTTPS to a port that speaks plain HTTP",
        "exit 6 at once; `BUILDTOOLS_PLAIN_HTTP` is named",
        f"{_NETWORKS}https_to_a_plain_port",
    ),
    _case(
        "A06",
        "a proxy that wants a log-in (407)",
        "exit 6; the proxy is named, not the registry",
        f"{_NETWORKS}a_proxy_that_wants_a_log_in",
        f"{_LOGIN}loopback_needs_no_proxy",
    ),
    _case("A07", "reset before an answer", "published", f"{_SURVIVES}[PUSH-24]"),
    _case(
        "A08",
        "reset in the middle of an upload",
        "published; large blobs go on where they were",
        f"{_SURVIVES}[PUSH-07]",
        f"{_UPLOADS}an_upload_resumes_where_it_broke",
    ),
    _case(
        "A09",
        "reset in the middle of a download",
        "the rest is asked for, and all is held to the digest",
        f"{_READ}[PULL-01]",
        f"{_READ}[PULL-02]",
        f"{_REGISTRY}a_download_resumes_where_it_broke",
    ),
    _case(
        "A10",
        "a server that trickles, or never gets on",
        "under 1 KiB/s for a minute counts as broken; exit 6 after six tries without progress",
        f"{_SPOILT}[A10]",
        f"{_REGISTRY}a_trickle_counts_as_broken",
    ),
    _case("A11", "502, 503 or 504 with a page", "published", f"{_SURVIVES}[PUSH-03]"),
    _case("A12", "408, 499 or 522", "published", f"{_SURVIVES}[A12]"),
    _case("A13", "429 with Retry-After in seconds", "published after that time", f"{_SURVIVES}[PUSH-04]"),
    _case("A14", "429 with Retry-After as a date", "published after that time", f"{_SURVIVES}[A14]"),
    _case("A15", "Retry-After of an hour", "exit 6 at once; the time is named", f"{_FAILS}[A15]"),
    _case("A16", "429 without Retry-After", "published; up to eight tries", f"{_SURVIVES}[PUSH-25]"),
    _case("A17", "an answer that is not HTTP", "published: it counts as a reset", f"{_SURVIVES}[A17]"),
    _case(
        "A18",
        "500 for good, as for layers with URLs",
        "exit 6 after three tries; the body is shown",
        f"{_FAILS}[A18]",
    ),
    _case(
        "A19",
        "a redirect from HTTPS to HTTP",
        "exit 1; nothing is sent there",
        f"{_NETWORKS}a_redirect_to_a_weaker_transport",
    ),
    _case(
        "A20",
        "a redirect from a public host to a private address",
        "exit 1; nothing is sent there",
        f"{_LOGIN}a_public_registry_cannot_point_at_private_addresses",
    ),
    _case(
        "A21",
        "`Content-Encoding: gzip` on blobs",
        "`identity` is asked for, and the raw bytes count",
        f"{_READ}[A21]",
    ),
    _case(
        "A22",
        "a kept connection that was closed meanwhile",
        "published without a pause",
        f"{_SURVIVES}[A22]",
    ),
    _case(
        "B01",
        "no Location for an upload",
        "published; three tries",
        f"{_SURVIVES}[PUSH-22]",
        f"{_PUSHES}a_push_that_cannot_work_ends",
    ),
    _case(
        "B02",
        "Location as a path, as a URL, with a query or without",
        "published",
        f"{_PUSHES}where_a_session_may_be",
    ),
    _case(
        "B03",
        "Location on another host",
        "published; no credentials go there",
        f"{_FAULTS}push_table.py::test_another_host_gets_the_bytes_and_no_credentials",
        f"{_PUSHES}another_host_gets_no_credentials",
    ),
    _case(
        "B04",
        "a mount that is refused, in whatever way",
        "the bytes are sent; a session that came instead is used",
        f"{_UPLOADS}a_registry_that_does_not_mount_gets_the_bytes",
        f"{_UPLOADS}the_session_in_place_of_a_mount_is_used",
    ),
    _case(
        "B05",
        "a mount out of another registry",
        "is not asked for",
        f"{_PUBLICATIONS}nothing_is_mounted_from_another_registry",
    ),
    _case(
        "B06",
        "the answer to a commit is lost",
        "published; the blob is looked for, not sent again",
        f"{_SURVIVES}[PUSH-08]",
        f"{_PUSHES}what_is_sent_again",
    ),
    _case("B07", "the session is gone", "published in a new one", f"{_SURVIVES}[PUSH-10]"),
    _case(
        "B08",
        "the session was swept by the registry",
        "published in a new one",
        f"{_UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    _case(
        "B09",
        "less was kept than was sent",
        "the rest is sent; a Range that goes back is not believed",
        f"{_UPLOADS}a_registry_that_keeps_less_is_sent_the_rest",
        f"{_UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    _case(
        "B10",
        "416 to a range",
        "the registry is asked how far it is, or begun anew",
        f"{_UPLOADS}an_upload_begins_anew_where_it_cannot_resume",
    ),
    _case("B11", "413 or 416: too much at once", "published in chunks", f"{_SURVIVES}[PUSH-15]"),
    _case(
        "B12",
        "DIGEST_INVALID",
        "sent once more; what is wrong here is found before the commit",
        f"{_SURVIVES}[PUSH-21]",
        f"{_DISKS}rot_between_build_and_publish",
    ),
    _case("B13", "201 to a PATCH", "published", f"{_SURVIVES}[PUSH-14]"),
    _case(
        "B14",
        "a blob is there with another size",
        "sent again",
        f"{_PUSHES}a_blob_of_another_size_is_sent_again",
    ),
    _case(
        "B15",
        "HEAD of a blob or manifest is denied (403, 405)",
        "published; GET is asked, else it is sent",
        f"{_SURVIVES}[PUSH-11]",
        f"{_SURVIVES}[PUSH-12]",
        f"{_SURVIVES}[PUSH-13]",
    ),
    _case(
        "B16",
        "one blob in several entries",
        "sent once",
        f"{_PUBLICATIONS}a_blob_of_two_images_is_sent_once_to_each",
    ),
    _case(
        "B17",
        "blobs of no and of two bytes",
        "copied like others",
        "integration/test_copy.py::test_all_that_an_index_names_is_copied",
    ),
    _case(
        "B18",
        "a file that changes while it is sent",
        "exit 4 before the commit",
        f"{_DISKS}rot_between_build_and_publish",
        f"{_PUSHES}a_source_that_fails_is_not_the_network",
    ),
    _case(
        "B19",
        "a manifest above 4 MiB",
        "refused before it is sent",
        "integration/test_store_contract.py::test_a_manifest_above_the_limit_is_refused",
    ),
    _case("B20", "no permission, or no space left", "exit 5 at once", f"{_FAILS}[B20]"),
    _case("B21", "no such repository", "exit 1 at once; creating it is named", f"{_FAILS}[B21]"),
    _case("C01", "401 without a challenge", "exit 5 at once", f"{_FAILS}[C01]"),
    _case(
        "C02",
        "Basic and Bearer offered together",
        "the token service is asked, with credentials where there are some",
        f"{_LOGIN}credentials_open_a_private_registry",
    ),
    _case(
        "C03",
        "a token dies on the way",
        "published; the body is opened anew",
        f"{_SURVIVES}[PUSH-18]",
        f"{_PUSHES}a_token_dies_on_the_way",
    ),
    _case(
        "C04",
        "a token without a life time, or a wrong clock",
        "60 seconds by our own clock",
        f"{_LOGIN}an_old_token_is_not_used",
    ),
    _case(
        "C05",
        "a token that is good for too little",
        "asked for with the registry's own scope, and a mount's source",
        f"{_LOGIN}the_scope_is_the_registrys_to_say",
        f"{_UPLOADS}a_mount_asks_to_read_the_source_too",
    ),
    _case(
        "C06",
        "a credential helper that is missing, hangs, fails or talks nonsense",
        "exit 5; asked once, the helper is named and never quoted",
        f"{_NETWORKS}a_credential_helper_that_does_not_help",
    ),
    _case(
        "C07",
        "an identity token",
        "exchanged by POST, by GET where that is not known",
        f"{_LOGIN}an_identity_token_is_exchanged",
    ),
    _case(
        "C08",
        "a token service in the clear or on a private address",
        "exit 5; nothing is sent there",
        f"{_LOGIN}a_realm_in_the_clear_is_refused",
    ),
    _case(
        "C09",
        "a wrong password",
        "exit 5; it is sent once",
        f"{_NETWORKS}a_wrong_password_is_sent_once",
        f"{_FAILS}[C09 a log-in that is refused]",
    ),
    _case(
        "C10",
        "bases without a log-in, a target with one",
        "each host gets its own, or none",
        f"{_SURVIVES}[PUSH-18]",
        f"{_LOGIN}credentials_of_another_registry_stay_home",
    ),
    _case(
        "C11",
        "secrets in errors, challenges, URLs and settings",
        "none in any output, record or layout",
        f"{_FAULTS}secrets.py::test_no_password_is_shown",
        f"{_FAULTS}secrets.py::test_no_token_is_shown",
        f"{_FAULTS}schedules.py::test_any_schedule_leaves_the_tag_whole",
    ),
    _case(
        "D01",
        "SIGKILL at any request",
        "each tag is absent, old or complete; the next run sends no blob that is there",
        f"{_FAULTS}crashes.py::test_a_kill_at_any_request",
    ),
    _case("D02", "one entry that is never taken", "exit 6; the tag stays", f"{_FAILS}[PUSH-16]"),
    _case("D03", "the answer to the tag is lost", "published", f"{_SURVIVES}[PUSH-09]"),
    _case(
        "D04",
        "another digest is answered than was sent",
        "what can be read decides",
        f"{_SURVIVES}[PUSH-20]",
        f"{_PUSHES}a_registry_that_keeps_something_else_is_found_out",
    ),
    _case(
        "D05",
        "a fault that leads clients to another media type",
        "the same bytes or none",
        f"{_SURVIVES}[PUSH-04]",
        f"{_SURVIVES}[PUSH-09]",
    ),
    _case(
        "D06",
        "one tag of several fails",
        "exit 9; the one is named, the others are set, immutable ones first",
        f"{_PUBLICATIONS}one_tag_of_three_fails",
    ),
    _case(
        "D07",
        "one registry of several is down",
        "exit 9; the others are published, the next run does the rest",
        f"{_PUBLICATIONS}one_registry_of_two_is_down",
    ),
    _case(
        "D08",
        "several publishers on one tag",
        "the last one wins, whole; who lost is told with exit 4, or stopped by `--expect-current`",
        f"{_RACES}publishers_on_one_tag",
        "integration/test_publish_tags.py::test_a_tag_stands_on_what_was_expected",
    ),
    _case("D09", "CI jobs push entries that a last one joins", "", why="no verb joins what is published yet"),
    _case(
        "D10",
        "an older run ends after a newer one",
        "floating tags do not go back, unless `--allow-older` says so",
        "integration/test_publish_tags.py::test_an_older_image_moves_no_tag_back",
    ),
    _case(
        "D11",
        "a tag that cannot be moved",
        "the digest that is there is success, another one exit 1",
        f"{_FAILS}[D11]",
        f"{_PUSHES}a_tag_that_cannot_be_moved",
    ),
    _case(
        "D12",
        "replicas that do not see a part yet",
        "five tries",
        f"{_PUSHES}a_push_survives[D12 parts not seen yet]",
    ),
    _case(
        "D13",
        "a blob is swept between its upload and the tag",
        "exit 1, the tag stays; the next run sends it again",
        f"{_PUBLICATIONS}a_blob_that_is_swept_before_the_tag",
    ),
    _case("D14", "two writers of one referrers tag", "", why="no verb publishes referrers yet"),
    _case("D15", "a referrers tag that answers with its subject", "", why="no verb reads referrers yet"),
    _case(
        "D16",
        "nothing has changed",
        "one request a tag, and no PUT",
        f"{_RACES}a_tag_that_goes_back_and_forth_stays_whole",
        "integration/test_publish.py::test_a_second_run_asks_once_a_tag",
    ),
    _case("E01", "a body that is cut", "as A09", f"{_READ}[PULL-01]", f"{_READ}[PULL-02]"),
    _case("E02", "wrong bytes, always", "exit 4; the mirror is named", f"{_SPOILT}[PULL-03]"),
    _case(
        "E03",
        "a mirror whose tag is old",
        "a mirror is read in place of its registry; pins hold digests and show it",
        f"{_READS}a_mirror_is_read_in_place",
        "integration/test_pins.py::test_stale_pins_are_found_and_moved",
    ),
    _case(
        "E04",
        "a mirror that lacks something",
        "exit 1; both names are said, nothing falls back",
        f"{_SPOILT}[E04]",
        f"{_READS}what_a_mirror_lacks_names_both",
    ),
    _case("E05", "a body longer than declared", "exit 4, unread", f"{_SPOILT}[PULL-05]"),
    _case("E06", "a manifest of another digest", "exit 4", f"{_DOCUMENT}[PULL-04]"),
    _case(
        "E07",
        "a pinned digest that is gone",
        "said as such",
        f"{_READS}a_digest_that_is_gone_is_named",
    ),
    _case(
        "E08",
        "a base without the wanted version",
        "exit 2; what there is is listed",
        "integration/test_pins.py::test_a_base_without_the_build_is_refused",
    ),
    _case(
        "E09",
        "a tag that moves while a run looks at it",
        "resolved once into the pins; all else is by digest",
        "integration/test_pins.py::test_a_build_needs_no_network_once_pinned",
    ),
    _case(
        "E10",
        "layers with URLs of their own",
        "named, not copied",
        "integration/test_copy.py::test_foreign_layers_stay_where_they_are",
    ),
    _case(
        "F01",
        "no space, or files that are too large",
        "exit 1, no partial file under a final name; the next run goes on",
        f"{_DISKS}a_limit_on_the_size_of_files",
        f"{_DISKS}a_disk_that_fills_up",
    ),
    _case(
        "F02",
        "SIGKILL at any step on the disk",
        "old or new, whole; leftovers are swept",
        f"{_FAULTS}crashes.py::test_a_kill_at_any_step_on_the_disk",
    ),
    _case(
        "F03",
        "rot in layouts and caches",
        "built again where it is seen before, else exit 4; no rotten byte is published",
        f"{_DISKS}rot_between_build_and_publish",
        "unit/stores/test_layout.py::test_damage_is_found_and_mended",
        "unit/sources/test_hashes.py::test_a_broken_cache_is_no_fault",
    ),
    _case(
        "F04",
        "two runs on one folder",
        "both publish the same index",
        f"{_RACES}two_runs_on_one_folder",
        "integration/test_build.py::test_two_builds_at_once",
    ),
    _case(
        "F05",
        "a folder that cannot be written to",
        "what is built is published; a build says where it cannot write",
        f"{_DISKS}a_read_only_folder_is_published",
        f"{_DISKS}a_full_disk_does_not_keep_from_publishing",
    ),
    _case(
        "F06",
        "names that Windows does not take",
        "refused with the reason",
        "unit/windows/test_paths.py::test_a_devices_name_is_refused_in_every_spelling",
        "unit/windows/test_paths.py::test_the_longest_path_has_32767_units",
    ),
    _case(
        "F07",
        "no git, no `SOURCE_DATE_EPOCH`, odd clocks",
        "1980-01-01, never the clock",
        "unit/test_prepare.py::test_times_come_from_commits",
        "unit/sources/test_git.py::test_no_repository_and_no_git_know_nothing",
    ),
    _case(
        "F08",
        "Ctrl-C",
        "exit 130 although uploads are under way; the tag stays",
        f"{_FAULTS}interrupts.py::test_an_interrupt_does_not_wait_for_uploads",
        f"{_FAULTS}interrupts.py::test_an_interrupt_does_not_wait_for_a_pause",
    ),
    _case(
        "F09",
        "a lock of a process that is dead",
        "locks end with their process",
        "unit/stores/test_layout.py::test_sweep_deletes_what_dead_processes_left",
        f"{_FAULTS}crashes.py::test_a_kill_at_any_step_on_the_disk",
    ),
    _case(
        "G01",
        "a manifest of 64 MiB",
        "exit 1; 4 MiB are the limit, and no more is read",
        f"{_DOCUMENT}[PULL-10]",
        f"{_READS}a_manifest_above_the_limit_is_not_read",
    ),
    _case(
        "G02",
        "JSON 200,000 levels deep",
        "exit 4; 32 levels are the limit",
        f"{_DOCUMENT}[PULL-11]",
        "unit/oci/test_jsonbytes.py::test_any_bytes_are_read_or_refused",
    ),
    _case(
        "G03",
        "indexes in indexes",
        "three levels are copied, no more",
        "integration/test_copy.py::test_a_chain_of_indexes_ends",
    ),
    _case("G04", "a million layers", "end at the 4 MiB of a manifest", f"{_DOCUMENT}[PULL-10]"),
    _case(
        "G05",
        "sizes that are negative, fractions or beyond 2^63",
        "refused, the field is named",
        "unit/oci/test_documents.py::test_every_field_of_a_descriptor_is_checked",
    ),
    _case(
        "G06",
        "a gzip bomb",
        "ends at the limit, in stream",
        "unit/oci/test_inflated.py::test_a_bomb_ends_at_the_limit",
    ),
    _case(
        "G07",
        "paths that lead out of an archive",
        "refused; layers of bases are never unpacked",
        "unit/tiers/test_unpack.py::test_no_layer_writes_outside",
        "unit/sources/test_archives.py::test_names_in_an_archive_decide_about_no_place",
    ),
    _case(
        "G08",
        "whiteouts",
        "written by the specification's name; those of bases are not looked at",
        "unit/oci/test_layer.py::test_a_whiteout_has_the_specification_s_name",
    ),
    _case(
        "G09",
        "PAX bombs, sparse files",
        "refused with a sentence; entries have a bound",
        "unit/oci/test_tar_read.py::test_a_damaged_archive_has_its_sentence",
        "unit/oci/test_tar_read.py::test_the_number_of_entries_has_a_bound",
    ),
    _case(
        "G10",
        "a config with a million entries",
        "ends at the 4 MiB of a document",
        f"{_DOCUMENT}[PULL-10]",
        "unit/oci/test_documents.py::test_hostile_documents_end_in_a_sentence",
    ),
    _case(
        "G11",
        "control characters and workflow commands in texts",
        "written out",
        f"{_REGISTRY}what_a_server_says_is_made_harmless",
        "unit/test_console.py::test_text_of_strangers_cannot_take_over_the_terminal",
    ),
    _case(
        "G12",
        "a base that says another platform than it is",
        "exit 2",
        "integration/test_pins.py::test_a_mislabelled_base_is_refused",
    ),
    _case(
        "G13",
        "a `diff_id` that is not its layer's",
        "counted against the layers by `check`; layers of bases are not opened",
        "unit/oci/test_validate.py::test_layers_and_diff_ids_are_counted",
    ),
)
"""Every case of the groups A to G."""

COUNTS: Final = {"A": 22, "B": 21, "C": 11, "D": 16, "E": 10, "F": 9, "G": 13}
"""How many cases each group has, counted from 01."""
