"""A small server in Go that tests compile for the system that they need, and what stops it."""

from pathlib import Path

from tests.fakes import go

_SOURCE = Path(__file__).parent / "standin"


def compiled(
    folder: Path, *, os_name: str = "windows", architecture: str = "amd64", name: str = "", **variables: str
) -> Path:
    """The program in the folder; `variables` are those of its source."""
    program = folder / (name or ("app.exe" if os_name == "windows" else "app"))
    set_here = " ".join(f"-X main.{variable}={value}" for variable, value in variables.items())
    return go.compiled(_SOURCE, program, system=os_name, architecture=architecture, link=set_here)
