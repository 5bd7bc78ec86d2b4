"""Programs that answer from a script and write down how they were called, in order.

A rule is the beginning of a command line and an answer; the first rule that fits and is not used up answers.
A call that no rule is for fails, and says so.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.definitions import write_script

PROGRAM = """\
import json, os, sys, time
from pathlib import Path
folder, name = Path(__file__).parent, Path(sys.argv[0]).name.removesuffix(".py")
words = sys.argv[1:]
call = [name, *words]
text = sys.stdin.read() if "--filename" in words and words[words.index("--filename") + 1] == "-" else ""
for word in words:
    if word.startswith("@"):
        with open(folder / "files.jsonl", "a") as file:
            file.write(json.dumps(Path(word[1:]).read_text()) + "\\n")
with open(folder / "calls.jsonl", "a") as file:
    file.write(json.dumps(call) + "\\n")
rules = json.loads((folder / "rules.json").read_text())
for place, rule in enumerate(rules):
    if call[: len(rule["words"])] == rule["words"] and all(word in call for word in rule["also"]):
        used = folder / f"used-{place}"
        count = len(used.read_text()) if used.exists() else 0
        if rule["times"] and count >= rule["times"]:
            continue
        used.write_text("x" * (count + 1))
        if rule["until"]:
            # The answer of a request that another call overtakes.
            for _ in range(1000):
                calls = map(json.loads, open(folder / "calls.jsonl"))
                if any(one[: len(rule["until"])] == rule["until"] for one in calls):
                    break
                time.sleep(0.02)
        sys.stdout.write(rule["out"])
        sys.stderr.write(rule["err"])
        sys.exit(rule["code"])
sys.stderr.write(f"no rule for {call}\\n")
sys.exit(97)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What answers calls that begin with these words and have the others, so often at most (0: always)."""

    words: tuple[str, ...]
    also: tuple[str, ...] = ()
    out: str = ""
    err: str = ""
    code: int = 0
    times: int = 0
    until: tuple[str, ...] = ()


def says(*words: str, out: Any = "", **changes: Any) -> Rule:
    """A rule; what is no text is said as JSON."""
    return Rule(words=words, out=out if isinstance(out, str) else json.dumps(out), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """A folder with the programs; put it first on PATH."""

    folder: Path
    names: Sequence[str] = field(default=("az", "kubectl", "k2s", "net"))

    def script(self, *rules: Rule) -> None:
        """Answer by these rules from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.names:
            write_script(self.folder / name, PROGRAM, program=sys.executable)
        for used in self.folder.glob("used-*"):
            used.unlink()
        rows = [
            {name: getattr(rule, name) for name in ("words", "also", "out", "err", "code", "times", "until")}
            for rule in rules
        ]
        (self.folder / "rules.json").write_text(json.dumps(rows))

    @property
    def calls(self) -> list[str]:
        """Every call, in order, as one line each."""
        return [" ".join(json.loads(line)) for line in self._lines("calls.jsonl")]

    @property
    def files(self) -> list[str]:
        """What was in the files that arguments named with @."""
        return [json.loads(line) for line in self._lines("files.jsonl")]

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.is_file() else []
