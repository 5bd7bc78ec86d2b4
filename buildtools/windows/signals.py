"""Stop signals on Windows: what each value becomes, and which ones fail.

The runtime on the node turns a stop signal into a number, and on Windows hcsshim takes that number for a
console event. Which names there are depends on the node's operating system. Sources: moby/sys:
signal/signal.go, signal_linux.go, signal_windows.go; microsoft/hcsshim:internal/signals/signal.go.
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

_STANDARD: Final[Mapping[str, int]] = {
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
    "CLD": 17,
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

_REAL_TIME: Final[Mapping[str, int]] = {
    "RTMIN": 34,
    **{f"RTMIN+{step}": 34 + step for step in range(1, 16)},
    **{f"RTMAX-{step}": 64 - step for step in range(14, 0, -1)},
    "RTMAX": 64,
}
_ON_WINDOWS: Final = frozenset(
    ("ABRT", "ALRM", "BUS", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "TRAP")
)

NAMES: Final[Mapping[str, Mapping[str, int]]] = {
    "linux": {**_STANDARD, **_REAL_TIME},
    "windows": {name: number for name, number in _STANDARD.items() if name in _ON_WINDOWS},
}
"""The names that a node of each operating system knows, without SIG, and their numbers."""

EXPECTED: Final[Mapping[str, str]] = {
    "INT": "CTRL_C",
    "QUIT": "CTRL_BREAK",
    "HUP": "CTRL_CLOSE",
}
"""What people mean by these on Windows, and do not get."""

_LEAVE_OUT: Final = "leave stop-signal out, so that the program gets CTRL_SHUTDOWN"


def number_of(value: str) -> int | None:
    """The signal's number, None for a value that no runtime knows."""
    if value.isascii() and value.isdigit():
        return int(value) if len(value) <= 2 and 0 < int(value) <= 64 else None
    return NAMES["linux"].get(_bare(value))


def check_stop_signal(value: str, system: str) -> str | None:
    """What is wrong with a stop signal on this operating system, None if nothing is."""
    number = number_of(value)
    if number is None:
        return f"{value!r} is not a signal: write a name such as SIGTERM, or a number from 1 to 64"
    if system != "windows":
        return None
    if not value.isdigit() and _bare(value) not in NAMES["windows"]:
        return f"{value} is a name that Windows nodes do not know; {_LEAVE_OUT}"
    event = EVENTS.get(number)
    if event is None:
        return f"{value} has no meaning on Windows: the runtime refuses number {number}; {_LEAVE_OUT}"
    meant = EXPECTED.get(_bare(value))
    if meant and meant != event:
        return (
            f"{value} is number {number}, which Windows takes for {event} and not for {meant}; {_LEAVE_OUT}"
        )
    return None


def _bare(value: str) -> str:
    return value.upper().removeprefix("SIG")
