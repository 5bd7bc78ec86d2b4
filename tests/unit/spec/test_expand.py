# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""The front door of definitions: every fault of every file at once, variants, and their selection."""

from collections.abc import Callable, Mapping

import pytest

from buildtools.errors import ConfigurationError, UsageError
from buildtools.oci.platform import Platform
from buildtools.spec.expand import Project, load, load_image, load_project, select
from buildtools.spec.model import ProjectSpec
from buildtools.spec.variant import Variant
from buildtools.windows.releases import release

Variants = Callable[..., tuple[Variant, ...]]

DEFAULTS = "releases: [ltsc2022]\nbases: {w: 'a/w:{release}'}\n"
APP = "name: app\nplatforms: [windows/amd64, linux/amd64, linux/arm64]\nbase: {linux: scratch, windows: w}\n"
TOOL = "name: tool\nplatforms: [linux/amd64]\nbase: scratch\n"


def loaded(**texts: str) -> Project:
    """The project with these images, the defaults by the name `defaults`."""
    paths = {name: f"images/{name}/image.yaml" for name in texts} | {"defaults": "images/defaults.yaml"}
    return load({paths[name]: text.encode() for name, text in texts.items()})


def faults(**texts: str) -> list[str]:
    """Every finding about these texts."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(**texts)
    return [str(finding).removeprefix("images/") for finding in caught.value.diagnostics]


def test_images_are_in_alphabetical_order_and_know_their_files() -> None:
    """Whatever order the files come in."""
    project = loaded(tool=TOOL, defaults=DEFAULTS, app=APP)
    assert list(project.images) == ["app", "tool"]
    app = project.images["app"]
    assert (app.name, app.path, app.spec.name) == ("app", "images/app/image.yaml", "app")
    assert app.document.place(("base",)).value == (3, 7)
    assert project.spec.releases == ("ltsc2022",)
    assert [variant.label for variant in app.variants] == [
        "windows/amd64:ltsc2022",
        "linux/amd64",
        "linux/arm64",
    ]
    assert {variant.folder for variant in app.variants} == {"images/app"}


def test_a_project_needs_no_defaults() -> None:
    """Then nothing is shared."""
    project = loaded(tool=TOOL)
    assert project.spec == ProjectSpec()
    assert [variant.base for variant in project.images["tool"].variants] == ["scratch"]


def test_every_fault_of_every_file_is_told_at_once() -> None:
    """The defaults first, then the images by path; each file on its own."""
    assert faults(tool=TOOL + "kind: vm\n", app=APP + "x: [\n", defaults=DEFAULTS, more=TOOL) == [
        'app/image.yaml:5:1: the file ends within brackets or braces: close them, or quote the whole value, as in "{out}/app"',
        'more/image.yaml:1:7: the image is called "tool" and its folder "more": give both the same name',
        'tool/image.yaml:4:7: "vm" is none of container, host-process: write one of them',
    ]


@pytest.mark.parametrize("defaults", ["releases: [ltsc2022]\nbases: [\n", "releases: [ltsc2018]\n"])
def test_broken_defaults_hide_only_what_follows_from_them(defaults: str) -> None:
    """Shapes of images are checked, and what the defaults would have given is not missed."""
    found = faults(defaults=defaults, app=APP, tool=TOOL + "kind: vm\n")
    assert [sentence.partition(":")[0] for sentence in found] == ["defaults.yaml", "tool/image.yaml"]


def test_an_image_is_called_as_its_folder() -> None:
    """A file without a folder may have any name."""
    assert load_image(TOOL, "image.yaml", None).name == "tool"
    assert load_image(TOOL, "images/tool/image.yaml", None).variants == ()
    with pytest.raises(ConfigurationError) as caught:
        load_image(TOOL, "images/tools/image.yaml", None)
    assert str(caught.value) == (
        'images/tools/image.yaml:1:7: the image is called "tool" and its folder "tools": give both the same name'
    )


def test_text_and_bytes_are_read_alike() -> None:
    """Whoever calls may have either."""
    assert load_project(DEFAULTS, "d") == load_project(DEFAULTS.encode(), "d")
    assert load_image(TOOL, "d", None) == load_image(TOOL.encode(), "d", None)


def test_a_variant_holds_all_that_one_platform_needs(variants: Variants) -> None:
    """With every placeholder filled in."""
    (found,) = variants(
        "platforms: ['windows/amd64:ltsc2022']\nbase: nanoserver\n"
        "build: {run: [[go, -o, '{out}/{os}{exe}']]}\n"
        "fetch: {t: {url: 'https://a.test/{os}', checksum: '{url}.sha256'}}\n"
        "files: [{from: '{out}/a', to: '/{arch}/'}, {from: '{fetch}/t', to: '/t'}]\n"
        "config: {cmd: ['{release}']}\nlifecycle: {args: ['{name}']}\n"
    )
    assert (found.image, found.folder, found.engine, found.kind) == ("x", "x", "assemble", "container")
    assert (found.platform, found.release) == (
        Platform(os="windows", architecture="amd64"),
        release("ltsc2022"),
    )
    assert found.toolchain == ("windows", "amd64", "")
    assert found.base == "mcr.microsoft.com/windows/nanoserver:ltsc2022"
    assert found.build is not None
    assert found.build.commands == (("go", "-o", "{out}/windows.exe"),)
    assert [(fetch.name, fetch.url, fetch.checksum_url) for fetch in found.fetches] == [
        ("t", "https://a.test/windows", "https://a.test/windows.sha256")
    ]
    assert [(rule.origin, rule.source, rule.destination) for rule in found.files] == [
        ("out", "a", "amd64"),
        ("fetch", "t", "t"),
    ]
    assert found.config.cmd == ("ltsc2022",)
    assert found.lifecycle is not None
    assert found.lifecycle.args == ("x",)
    assert (found.dockerfile, found.context, found.args) == ("", "", {})


def test_a_variant_of_a_dockerfile_has_its_context(variants: Variants) -> None:
    """And compiles are shared by processor variant as well."""
    (found,) = variants(
        "engine: dockerfile\nplatforms: [linux/arm/v6]\ncontext: src\nargs: {A: '{variant}'}\n"
    )
    assert (found.engine, found.dockerfile, found.context, found.args) == (
        "dockerfile",
        "Dockerfile",
        "src",
        {"A": "v6"},
    )
    assert found.toolchain == ("linux", "arm", "v6")


ALL = ["windows/amd64:ltsc2022", "linux/amd64", "linux/arm64", "linux/amd64"]


@pytest.mark.parametrize(
    ("names", "platforms", "chosen"),
    [
        ([], [], {"app": ALL[:3], "tool": ALL[3:]}),
        (["tool"], [], {"tool": ["linux/amd64"]}),
        (["tool", "app", "tool"], ["linux/amd64"], {"tool": ["linux/amd64"], "app": ["linux/amd64"]}),
        ([], ["windows"], {"app": ALL[:1]}),
        ([], ["windows/amd64"], {"app": ALL[:1]}),
        ([], ["windows/amd64:ltsc2022", "linux/arm64"], {"app": [ALL[0], ALL[2]]}),
        (["app"], ["linux", "linux/arm64"], {"app": ALL[1:3]}),
    ],
)
def test_variants_are_selected(
    names: list[str], platforms: list[str], chosen: Mapping[str, list[str]]
) -> None:
    """Images in the order asked for, platforms in the definition's, each once."""
    found = select(loaded(defaults=DEFAULTS, app=APP, tool=TOOL), names, platforms)
    assert [variant.key for variant in found] == [
        (image, label) for image, labels in chosen.items() for label in labels
    ]


@pytest.mark.parametrize(
    ("names", "platforms", "sentence"),
    [
        (["tol"], [], "there is no image 'tol': did you mean tool?"),
        (["app", "zzz"], [], "there is no image 'zzz': there is app, tool"),
        ([], ["linux/amd65"], "no variant is for platform 'linux/amd65': did you mean linux/amd64?"),
        ([], ["linux/amd6"], "no variant is for platform 'linux/amd6': did you mean linux/amd64?"),
        ([], ["linux", "mac"], "no variant is for platform 'mac': there is windows/amd64:ltsc2022, linux/amd64, linux/arm64"),
        (["tool"], ["windows"], "no variant is for platform 'windows': there is linux/amd64"),
        ([], [""], "no variant is for platform '': there is windows/amd64:ltsc2022, linux/amd64, linux/arm64"),
    ],
)  # fmt: skip
def test_what_selects_nothing_is_refused(names: list[str], platforms: list[str], sentence: str) -> None:
    """With a guess, else with all that there is."""
    project = loaded(defaults=DEFAULTS, app=APP, tool=TOOL)
    with pytest.raises(UsageError) as caught:
        select(project, names, platforms)
    assert str(caught.value) == sentence
