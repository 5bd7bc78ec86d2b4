"""What all tests share: two profiles of random tests, golden files, and a clean environment."""

import difflib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"
OURS = (
    "BUILDTOOLS_",
    "GITHUB_",
    "GH_",
    "DOCKER_CONFIG",
    "SOURCE_DATE_EPOCH",
    "NO_COLOR",
    "FORCE_COLOR",
    "REGISTRY_AUTH",
)
"""How the names of variables begin that change what the project does."""

settings.register_profile(
    "default",
    max_examples=25,
    deadline=None,
    derandomize=os.environ.get("CI", "").lower() == "true",
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "long", parent=settings.get_profile("default"), max_examples=10_000, derandomize=False, print_blob=True
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the project's own."""
    parser.addoption(
        "--profile", choices=("default", "long"), default="default", help="how much random testing"
    )
    parser.addoption("--update-golden", action="store_true", help="write golden files instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile of random tests, and hear Ctrl-C as programs that tests start have to."""
    settings.load_profile(config.getoption("--profile"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell starts what runs in the background; all that we start would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the exhaustive tests to the long profile, and give its tests the time they need."""
    if config.getoption("--profile") == "long":
        for item in items:
            item.add_marker(pytest.mark.timeout(3600))
        return
    skip = pytest.mark.skip(reason="only in the long profile (--profile long)")
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(skip)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes by their argument's name: compressed ones differ from second to second, names must not."""
    return argname if isinstance(val, bytes) and len(val) > 12 else None


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No variable of the caller changes a result; for the session, since its fixtures build, too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in filter(lambda name: name.startswith(OURS), list(os.environ)):
            patch.delenv(name)
        yield


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with tests/golden/<name>, or write it with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        # Bytes: universal newlines would hide a CR that has come into the text.
        expected = path.read_bytes().decode() if path.is_file() else ""
        if text != expected:
            lines = difflib.unified_diff(
                expected.splitlines(keepends=True), text.splitlines(keepends=True), f"golden/{name}", "now"
            )
            again = f"nox -s tests -- {request.node.nodeid.partition('[')[0]} --update-golden"
            pytest.fail(f"{''.join(lines)}\nif this is right: {again}", pytrace=False)

    return check
