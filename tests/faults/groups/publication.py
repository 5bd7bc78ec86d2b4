"""Faults of a publication as a whole: several tags, registries and writers."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

PUBLICATION: Final[tuple[Case, ...]] = (
    case(
        "D01",
        "SIGKILL at any request",
        "each tag is absent, old or complete, and a list of referrers names only what is there; the next run "
        "sends no blob again",
        f"{tests.FAULTS}crashes.py::test_a_kill_at_any_request",
    ),
    case("D02", "one entry that is never taken", "exit 6; the tag stays", f"{tests.FAILS}[PUSH-16]"),
    case("D03", "the answer to the tag is lost", "published", f"{tests.SURVIVES}[PUSH-09]"),
    case(
        "D04",
        "another digest is answered than was sent",
        "the tag is read back, and that decides",
        f"{tests.SURVIVES}[PUSH-20]",
        f"{tests.PUSHES}a_registry_that_keeps_something_else_is_found_out",
    ),
    case(
        "D05",
        "a fault that leads clients to another media type",
        "the same bytes or none",
        f"{tests.SURVIVES}[PUSH-04]",
        f"{tests.SURVIVES}[PUSH-09]",
    ),
    case(
        "D06",
        "one tag of several fails",
        "exit 9; the one is named, the others are set, immutable ones first",
        f"{tests.PUBLICATIONS}one_tag_of_three_fails",
    ),
    case(
        "D07",
        "one registry of several is down",
        "exit 9; the others are published, the next run does the rest",
        f"{tests.PUBLICATIONS}one_registry_of_two_is_down",
    ),
    case(
        "D08",
        "several publishers on one tag",
        "the last one wins, whole; who lost is told with exit 4, or stopped by `--expect-current`",
        f"{tests.RACES}publishers_on_one_tag",
        "integration/test_publish_moves.py::test_a_tag_stands_on_what_was_expected",
    ),
    case(
        "D09",
        "CI jobs push parts that a last one joins, and one is missing",
        "`index` ends with exit 1 and the tag stays; `publish` sends all platforms of a definition or none; "
        "`verify --expect` finds the one that nobody named",
        f"{tests.PUBLICATIONS}a_join_needs_every_part",
        "integration/test_index.py::test_what_is_not_there",
    ),
    case(
        "D10",
        "an older run ends after a newer one",
        "floating tags do not go back, unless `--allow-older` says so",
        "integration/test_publish_moves.py::test_an_older_image_moves_no_tag_back",
    ),
    case(
        "D11",
        "a tag that cannot be moved",
        "the digest that is there is success, another one exit 1",
        f"{tests.FAILS}[D11]",
        f"{tests.PUSHES}a_tag_that_cannot_be_moved",
    ),
    case(
        "D12",
        "replicas that do not see a part yet",
        "the manifest is sent again, five tries in all",
        f"{tests.PUSHES}a_push_survives[D12 parts not seen yet]",
    ),
    case(
        "D13",
        "a blob is swept between its upload and the tag",
        "exit 1, the tag stays; the next run sends it again",
        f"{tests.PUBLICATIONS}a_blob_that_is_swept_before_the_tag",
    ),
    case(
        "D14",
        "several writers of one list of referrers (fallback tag)",
        "it is read, written beside what it holds, and read back; up to five times. What is overwritten "
        "after that, the next run adds again",
        "integration/test_referrers.py::test_two_that_write_at_once",
        "integration/test_referrers.py::test_a_fallback_tag_that_never_keeps_what_is_written",
        f"{tests.RACES}promotions_to_one_list_of_referrers",
    ),
    case(
        "D15",
        "a fallback tag that answers with the subject itself, as GitLab's",
        "counts as no list: the subject's entries are no referrers",
        "integration/test_referrers.py::test_a_fallback_tag_that_answers_with_the_subject",
        "integration/test_referrers.py::test_entries_that_refer_to_something_else_are_left_out",
    ),
    case(
        "D16",
        "nothing has changed",
        "one request a tag, and no PUT",
        f"{tests.RACES}a_tag_that_goes_back_and_forth_stays_whole",
        "integration/test_publish.py::test_a_second_run_asks_once_a_tag",
    ),
)
