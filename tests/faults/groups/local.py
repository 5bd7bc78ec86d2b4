"""Faults of the disk, of names and of the process itself."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

LOCAL: Final[tuple[Case, ...]] = (
    case(
        "F01",
        "no space, or files that are too large",
        "exit 1, no partial file under a final name; the next run goes on",
        f"{tests.DISKS}a_limit_on_the_size_of_files",
        f"{tests.DISKS}a_disk_that_fills_up",
    ),
    case(
        "F02",
        "SIGKILL at any step on the disk",
        "old or new, whole; leftovers are swept",
        f"{tests.FAULTS}crashes.py::test_a_kill_at_any_step_on_the_disk",
    ),
    case(
        "F03",
        "rot in layouts and caches",
        "what has a wrong size, and a wrong index, is built again; other damage is exit 4; no rotten byte is "
        "published",
        f"{tests.DISKS}rot_between_build_and_publish",
        "unit/stores/test_layout.py::test_damage_is_found_and_mended",
        "unit/sources/test_hashes.py::test_a_broken_cache_is_no_fault",
    ),
    case(
        "F04",
        "two runs on one folder",
        "both publish the same index",
        f"{tests.RACES}two_runs_on_one_folder",
        "integration/test_build.py::test_two_builds_at_once",
    ),
    case(
        "F05",
        "a folder that cannot be written to",
        "what is built is published; a build says where it cannot write",
        f"{tests.DISKS}a_read_only_folder_is_published",
        f"{tests.DISKS}a_full_disk_does_not_keep_from_publishing",
    ),
    case(
        "F06",
        "names that Windows does not take",
        "refused with the reason",
        "unit/windows/test_paths.py::test_a_devices_name_is_refused_in_every_spelling",
        "unit/windows/test_paths.py::test_the_longest_path_has_32767_units",
    ),
    case(
        "F07",
        "no git, no `SOURCE_DATE_EPOCH`, odd clocks",
        "1980-01-01, never the clock",
        "unit/test_prepare.py::test_times_come_from_commits",
        "unit/sources/test_git.py::test_no_repository_and_no_git_know_nothing",
    ),
    case(
        "F08",
        "Ctrl-C",
        "exit 130 although uploads are under way; the tag stays",
        f"{tests.FAULTS}interrupts.py::test_an_interrupt_does_not_wait_for_uploads",
        f"{tests.FAULTS}interrupts.py::test_an_interrupt_does_not_wait_for_a_pause",
    ),
    case(
        "F09",
        "a lock of a process that is dead",
        "locks end with their process",
        "unit/stores/test_layout.py::test_sweep_deletes_what_dead_processes_left",
        f"{tests.FAULTS}crashes.py::test_a_kill_at_any_step_on_the_disk",
    ),
)
