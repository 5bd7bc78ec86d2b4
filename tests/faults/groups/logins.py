"""Faults of logging in, and of secrets."""

from typing import Final

from tests.faults import places as tests
from tests.faults.case import Case, case

LOGINS: Final[tuple[Case, ...]] = (
    case("C01", "401 without a challenge", "exit 5 at once", f"{tests.FAILS}[C01]"),
    case(
        "C02",
        "Basic and Bearer offered together",
        "the token service is asked, with credentials where there are some",
        f"{tests.LOGIN}credentials_open_a_private_registry",
    ),
    case(
        "C03",
        "a token dies on the way",
        "published; the body is opened anew",
        f"{tests.SURVIVES}[PUSH-18]",
        f"{tests.PUSHES}a_token_dies_on_the_way",
    ),
    case(
        "C04",
        "a token without a life time, or a wrong clock",
        "60 seconds by our own clock",
        f"{tests.LOGIN}an_old_token_is_not_used",
    ),
    case(
        "C05",
        "a token that is good for too little",
        "asked for with the registry's own scope, and a mount's source",
        f"{tests.LOGIN}the_scope_is_the_registrys_to_say",
        f"{tests.UPLOADS}a_mount_asks_to_read_the_source_too",
    ),
    case(
        "C06",
        "a credential helper that is missing, hangs, fails or talks nonsense",
        "exit 5; asked once, the helper is named and never quoted",
        f"{tests.NETWORKS}a_credential_helper_that_does_not_help",
    ),
    case(
        "C07",
        "an identity token",
        "exchanged by POST, by GET where that is not known",
        f"{tests.LOGIN}an_identity_token_is_exchanged",
    ),
    case(
        "C08",
        "a token service in the clear or on a private address",
        "exit 5; nothing is sent there",
        f"{tests.LOGIN}a_realm_in_the_clear_is_refused",
    ),
    case(
        "C09",
        "a wrong password",
        "exit 5; it is sent once",
        f"{tests.NETWORKS}a_wrong_password_is_sent_once",
        f"{tests.FAILS}[C09 a log-in that is refused]",
    ),
    case(
        "C10",
        "bases without a log-in, a target with one",
        "each host gets its own, or none",
        f"{tests.SURVIVES}[PUSH-18]",
        f"{tests.LOGIN}credentials_of_another_registry_stay_home",
    ),
    case(
        "C11",
        "secrets in errors, challenges, URLs and settings",
        "none in any output, record or layout",
        f"{tests.FAULTS}secrets.py::test_no_password_is_shown",
        f"{tests.FAULTS}secrets.py::test_no_token_is_shown",
        f"{tests.FAULTS}schedules.py::test_any_schedule_leaves_the_tag_whole",
    ),
)
