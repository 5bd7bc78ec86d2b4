"""The whole program with one row more in its table of Windows releases, and nothing else changed."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

TABLE = "buildtools.windows.releases"
ROW = (
    "WindowsRelease(name='ltsc2028', build=31000, product='Windows Server 2028', aliases=('28h2',), "
    "tags={'mcr.microsoft.com/windows/nanoserver': '28h2'}, hosted_runner='windows-2028', "
    "process_hosts=(31000,), mainstream_end=date(2033, 1, 1), extended_end=date(2038, 1, 1)),"
)
_END = "    ),\n)\n\nOTHER_HOSTS"


class _WithRow(SourceFileLoader):
    """Loads the table's module with the row at the table's end; lines keep their numbers."""

    def get_code(self, fullname: str) -> CodeType:
        """Compiled here, so that no bytecode is left behind."""
        text = Path(self.path).read_text(encoding="utf-8")
        assert text.count(_END) == 1
        return compile(text.replace(_END, _END.replace("),", f"), {ROW}", 1)), self.path, "exec")


class _Finder:
    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != TABLE:
            return None
        file = Path(__file__).parents[2] / "buildtools" / "windows" / "releases.py"
        return importlib.util.spec_from_file_location(name, file, loader=_WithRow(name, str(file)))


def _ours() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "buildtools"}


@contextmanager
def another_release() -> Iterator[None]:
    """Import `buildtools` anew with the row in place; afterwards everything is as it was."""
    before = _ours()
    for name in before:
        del sys.modules[name]
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in _ours():
            del sys.modules[name]
        sys.modules.update(before)
