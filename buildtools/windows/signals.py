"""Stop signals on Windows: what each value becomes, and which ones fail.

containerd turns a stop signal into a number with Linux' table, and hcsshim takes that number as a console
event. Sources: containerd/containerd:vendor/github.com/moby/sys/signal;
microsoft/hcsshim:internal/signals/signal.go.
"""

from collections.abc import Mapping
from typing import Final

EVENTS: Final[Mapping[int, str]] = {
    1: "CTRL_BREAK",
    2: "CTRL_CLOSE",
    5: "CTRL_LOGOFF",
    6: "CTRL_SHUTDOWN",
    9: "termination without warning",
    15: "CTRL_SHUTDOWN",
}
"""What hcsshim makes of a number; 0 (CTRL_C) does not survive containerd's parser."""

_LINUX: Final[Mapping[str, int]] = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ILL": 4,
    "TRAP": 5,
    "ABRT": 6,
    "IOT": 6,
    "BUS": 7,
    "FPE": 8,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "USR2": 12,
    "PIPE": 13,
    "ALRM": 14,
    "TERM": 15,
    "STKFLT": 16,
    "CHLD": 17,
    "CONT": 18,
    "STOP": 19,
    "TSTP": 20,
    "TTIN": 21,
    "TTOU": 22,
    "URG": 23,
    "XCPU": 24,
    "XFSZ": 25,
    "VTALRM": 26,
    "PROF": 27,
    "WINCH": 28,
    "IO": 29,
    "POLL": 29,
    "PWR": 30,
    "SYS": 31,
}

EXPECTED: Final[Mapping[str, str]] = {
    "INT": "CTRL_C",
    "QUIT": "CTRL_BREAK",
    "HUP": "CTRL_CLOSE",
}
"""What people mean by these on Windows, and do not get."""


def number_of(value: str) -> int | None:
    """The signal's number on Linux, None for a value that no runtime knows."""
    if value.isascii() and value.isdigit():
        return int(value) if 0 < int(value) < 65 else None
    return _LINUX.get(value.upper().removeprefix("SIG"))


def check_stop_signal(value: str, system: str) -> str | None:
    """What is wrong with a stop signal on this operating system, None if nothing is."""
    number = number_of(value)
    if number is None:
        return f"{value!r} is not a signal: write a name such as SIGTERM, or a number from 1 to 64"
    if system != "windows" or number == 15:
        return None
    event = EVENTS.get(number)
    if event is None:
        return (
            f"{value} has no meaning on Windows: the runtime refuses number {number}; "
            "leave stop-signal out, so that the program gets CTRL_SHUTDOWN"
        )
    meant = EXPECTED.get(value.upper().removeprefix("SIG"))
    if meant and meant != event:
        return (
            f"{value} is number {number}, which Windows takes for {event} and not for {meant}; "
            "leave stop-signal out, so that the program gets CTRL_SHUTDOWN"
        )
    return None
