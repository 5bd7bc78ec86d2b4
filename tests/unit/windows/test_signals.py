# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Stop signals: names and numbers, and which of them mean something on Windows."""

import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.windows.signals import EVENTS, EXPECTED, NAMES, check_stop_signal, number_of

LEAVE_OUT = "leave stop-signal out, so that the program gets CTRL_SHUTDOWN"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("SIGTERM", 15),
        ("TERM", 15),
        ("term", 15),
        ("sigTerm", 15),
        ("SIGCLD", 17),
        ("SIGPOLL", 29),
        ("RTMIN", 34),
        ("SIGRTMIN+1", 35),
        ("RTMIN+15", 49),
        ("RTMAX-14", 50),
        ("SIGRTMAX-1", 63),
        ("rtmax", 64),
        ("1", 1),
        ("09", 9),
        ("64", 64),
        ("0", None),
        ("65", None),
        ("015", None),
        ("-1", None),
        ("+9", None),
        ("9 ", None),
        ("²", None),
        ("١٥", None),
        ("", None),
        ("SIG", None),
        ("SIGSIGTERM", None),
        ("RTMIN+0", None),
        ("RTMIN+16", None),
        ("RTMAX-15", None),
        ("CTRL_C", None),
    ],
)
def test_names_and_numbers_are_read_as_the_runtime_reads_them(value: str, number: int | None) -> None:
    """In any case, with and without SIG; a number has one or two ASCII digits."""
    assert number_of(value) == number


@pytest.mark.skipif(sys.platform != "linux", reason="Linux' own numbers are the oracle")
def test_the_numbers_are_those_of_linux() -> None:
    """As its C library has them; STKFLT is missing from older Pythons."""
    known = {name.removeprefix("SIG"): int(item) for name, item in signal.Signals.__members__.items()}
    ours = NAMES["linux"]
    assert {name: number for name, number in ours.items() if name in known} == {
        name: number for name, number in known.items() if name in ours
    }
    assert known.keys() <= ours.keys()
    assert {name for name in ours.keys() - known.keys() if "RTM" not in name} <= {"STKFLT"}


def test_windows_nodes_know_thirteen_names() -> None:
    """Those of Go's own package for Windows, with Linux' numbers."""
    assert NAMES["windows"] == {
        "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
        "SEGV": 11, "PIPE": 13, "ALRM": 14, "TERM": 15,
    }  # fmt: skip


LINUX_NEVER_WRONG = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGWINCH", "RTMIN+3", "1", "64", "usr1"]


@pytest.mark.parametrize("value", LINUX_NEVER_WRONG)
def test_on_linux_every_signal_will_do(value: str) -> None:
    """There it is a signal and nothing else."""
    assert check_stop_signal(value, "linux") is None


@pytest.mark.parametrize(
    "value", ["SIGTERM", "term", "15", "SIGKILL", "9", "ABRT", "6", "1", "2", "5", "SIGTRAP"]
)
def test_on_windows_some_signals_are_what_they_say(value: str) -> None:
    """A number that is an event, and names that nobody takes for another event."""
    assert check_stop_signal(value, "windows") is None


FAULTS = [
    ("SIGFOO", "linux", "'SIGFOO' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"),
    ("0", "windows", "'0' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"),
    ("a\nb", "windows", r"'a\nb' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"),
    ("", "linux", "'' is not a signal: write a name such as SIGTERM, or a number from 1 to 64"),
    ("SIGUSR1", "windows", f"SIGUSR1 is a name that Windows nodes do not know; {LEAVE_OUT}"),
    ("RTMIN+3", "windows", f"RTMIN+3 is a name that Windows nodes do not know; {LEAVE_OUT}"),
    ("iot", "windows", f"iot is a name that Windows nodes do not know; {LEAVE_OUT}"),
    ("SIGQUIT", "windows", f"SIGQUIT has no meaning on Windows: the runtime refuses number 3; {LEAVE_OUT}"),
    ("37", "windows", f"37 has no meaning on Windows: the runtime refuses number 37; {LEAVE_OUT}"),
    ("SIGINT", "windows", f"SIGINT is number 2, which Windows takes for CTRL_CLOSE and not for CTRL_C; {LEAVE_OUT}"),
    ("hup", "windows", f"hup is number 1, which Windows takes for CTRL_BREAK and not for CTRL_CLOSE; {LEAVE_OUT}"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "system", "sentence"), FAULTS)
def test_what_would_go_wrong_has_its_sentence(value: str, system: str, sentence: str) -> None:
    """What is wrong, and what to do instead."""
    assert check_stop_signal(value, system) == sentence


def test_what_windows_stops_with_is_never_what_a_name_promises() -> None:
    """Each of the three names that people mean an event by becomes another one, or none."""
    assert {name: EVENTS.get(NAMES["windows"][name]) for name in EXPECTED} == {
        "INT": "CTRL_CLOSE",
        "QUIT": None,
        "HUP": "CTRL_BREAK",
    }


@given(
    st.text(max_size=12)
    | st.text("SIGRTMNXH+-0123456789", max_size=9)
    | st.sampled_from(sorted(NAMES["linux"]))
)
def test_a_signal_is_right_or_has_one_line(value: str) -> None:
    """What passes on Windows is a number that the runtime takes, and passes on Linux, too."""
    for system in ("linux", "windows"):
        found = check_stop_signal(value, system)
        assert found is None or len(found.splitlines()) == 1
    if check_stop_signal(value, "windows") is None:
        assert number_of(value) in EVENTS
        assert check_stop_signal(value, "linux") is None
