"""docs/reference/command-line.md: verbs, arguments and exit codes, from the parsers."""

import argparse
from typing import Any, Final

from buildtools.cli import EPILOG
from buildtools.verbs import VERBS, Verb
from docs.pages.text import row

_COMMANDS: Final = """\
# Command line

Every verb is also a nox session of the same name; what stands behind `--` is handed on: `nox -s build --
whoami --platform windows` is `buildtools build whoami --platform windows`.

Tables go to stdout, progress and faults to stderr. `--json` prints one document instead, of findings where
the run fails before there is a result. Every verb takes `-q` (`--quiet`: results and faults only) and `-h`
(`--help`).
`NO_COLOR` and `FORCE_COLOR` are obeyed; under GitHub Actions faults become annotations.

"""


def commands() -> str:
    """The text of the page."""
    verbs = "\n".join(_verb(verb) for verb in VERBS)
    return f"{_COMMANDS}{verbs}\n## Exit codes\n\n```text\n{EPILOG.partition(chr(10))[2]}```\n"


def _verb(verb: Verb) -> str:
    listing = _Listing()
    verb.module().arguments(listing)
    head = f"## `{verb.name}`\n\n{verb.help[0].upper()}{verb.help[1:]}.\n"
    parts = [_table(listing)] if listing.actions else []
    for word, (text, words) in listing.words.items():
        title = f"\n### `{verb.name} {word}`\n\n{text[0].upper()}{text[1:]}.\n"
        parts.append(title + _table(words))
    return head + "".join(parts)


def _table(listing: "_Listing") -> str:
    return "\n| argument | |\n|---|---|\n" + "".join(_argument(action) for action in listing.actions)


def _argument(action: argparse.Action) -> str:
    value = action.metavar or "|".join(action.choices or ())
    names = [f"{name} {value}".rstrip() for name in action.option_strings] or [str(value)]
    return row(", ".join(f"`{name}`" for name in names), str(action.help))


class _Listing(argparse.ArgumentParser):
    """Takes a verb's arguments down, since the text of `--help` differs between Python releases."""

    def __init__(self) -> None:
        self.actions: list[argparse.Action] = []
        self.words: dict[str, tuple[str, _Listing]] = {}
        super().__init__(add_help=False)

    def add_argument(self, *names: Any, **settings: Any) -> argparse.Action:
        if names[-1] == "--quiet":
            return super().add_argument(*names, **settings)
        action = super().add_argument(*names, **settings)
        self.actions.append(action)
        return action

    def add_mutually_exclusive_group(self, **_settings: Any) -> Any:
        return self

    def add_subparsers(self, **_settings: Any) -> Any:
        return self

    def add_parser(self, name: str, **settings: Any) -> "_Listing":
        self.words[name] = (settings["help"], _Listing())
        return self.words[name][1]
