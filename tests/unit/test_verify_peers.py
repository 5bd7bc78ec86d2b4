# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""What other tools get wrong about mixed indexes, each as an image of that shape that `verify` must catch."""

from dataclasses import replace

import pytest

from buildtools.cluster.truth import KnownBase, Truth, own_truth
from buildtools.oci.platform import Platform
from buildtools.verify import Verification, verify_store
from tests.fakes.images import Image
from tests.fakes.shapes import (
    SYSTEM_PATH,
    V2019,
    V2022,
    V2025,
    codes,
    index_of,
    layer,
    on,
    published,
    shape,
    store_of,
    tar,
    vendor,
    windows,
)

NANO = {version: vendor(version) for version in (V2019, V2022, V2025)}
LINUX = shape(Platform(os="linux", architecture="amd64"), [layer("linux", system="linux")])


def known(*bases: Image, name: str = "mcr.microsoft.com/windows/nanoserver") -> Truth:
    """These bases as a project has them pinned."""
    from buildtools.oci.config import ImageConfig

    return own_truth().also(
        KnownBase.of(name, base.manifest, ImageConfig.parse(base.blobs[0])) for base in bases
    )


PINS = known(*NANO.values())


def verified(*images: Image, truth: Truth = PINS, quick: bool = False) -> Verification:
    """What is said of an index of these images in this order."""
    return verify_store(published(*images), "1.0", truth=truth, quick=quick)


def errors(*images: Image, truth: Truth = PINS, quick: bool = False) -> list[str]:
    """The codes of the errors."""
    return [finding.code for finding in verified(*images, truth=truth, quick=quick).errors]


def messages(found: Verification, code: str) -> list[str]:
    """The sentences of one code."""
    return [finding.message for finding in found.findings if finding.code == code]


def good() -> list[Image]:
    """What should be: Linux, then Windows, newest first, each on its own base."""
    return [LINUX, *(on(NANO[version]) for version in (V2025, V2022, V2019))]


def test_a_good_index_has_no_error() -> None:
    """Every base is right, and what is left is what a runtime or Windows 11 does itself."""
    found = verified(*good())
    assert found.errors == ()
    assert codes(found.findings) == ["node-nothing note", "node-passes-over note", "node-limit warning"]
    assert [found.verdicts[entry.descriptor].state for entry in found.tree.entries] == [
        "none",
        "right",
        "right",
        "right",
    ]


def test_buildkit_stamps_the_version_that_is_asked_for_on_another_base() -> None:
    """BuildKit with `--platform windows(10.0.26100)/amd64` silently takes the 20348 base and stamps 10.0.26100 in three parts."""
    stamped = on(NANO[V2022], windows("10.0.26100"))
    found = verified(LINUX, stamped)
    assert messages(found, "base-differs") == [
        "manifests[1] (windows/amd64:10.0.26100) is labelled windows/amd64:10.0.26100 and stands on mcr.microsoft.com/windows/nanoserver (10.0.20348.4529)"
    ]
    assert "os-version-short" in [finding.code for finding in found.errors]
    assert {row.verdict.state for row in found.rows if row.runs and row.node.os == "windows"} == {"wrong"}


def test_buildkit_mislabels_without_any_project_where_the_real_one_stands_beside_it() -> None:
    """BuildKit's stamp again, with nothing pinned: two builds never begin with the same layer."""
    stamped, honest = on(NANO[V2022], windows("10.0.26100.1")), on(NANO[V2022], None, layer("other"))
    found = verified(LINUX, stamped, honest, truth=own_truth())
    (said,) = messages(found, "base-shared")
    assert said.startswith(
        "manifests[1] (windows/amd64:10.0.26100.1) and manifests[2] (windows/amd64:10.0.20348.4529) begin with the same layer ("
    )
    assert said.endswith("), which two Windows builds never do: at least one is labelled wrong")


def test_buildkit_stamps_an_older_version_on_a_single_base() -> None:
    """BuildKit on a base that is one manifest stamps whatever is asked: 17763 on a 2022 base."""
    assert errors(on(NANO[V2022], windows("10.0.17763.1"))) == ["base-differs"]


def test_buildkit_writes_a_linux_layer_from_scratch_for_windows() -> None:
    """BuildKit with FROM scratch and `--platform windows/amd64` on Linux: no Files, no os.version, no error."""
    found = verified(LINUX, shape(windows(), [tar("app/", "app/app.exe")]))
    assert [finding.code for finding in found.errors] == ["R8-files"]
    assert "os-version-missing" in {finding.code for finding in found.findings}
    assert "base-unknown" in {finding.code for finding in found.findings}


def test_buildkit_copy_link_writes_a_linux_layer_on_a_windows_base() -> None:
    """BuildKit's `COPY --link`: the layer is `app/app.exe` without Files and Hives."""
    assert "R8-files" in errors(on(NANO[V2022], None, tar("app/", "app/app.exe")))


def test_buildkit_prefixes_the_targets_of_symbolic_links() -> None:
    """BuildKit and buildah put `Files/` in front of a symbolic link's target (docker/buildx#373)."""
    import tarfile

    link = tar("Hives/", "Files/", "Files/b.txt", links={"Files/ln": "Files/b.txt"}, kind=tarfile.SYMTYPE)
    assert "R5-prefixed" in errors(on(NANO[V2022], None, link))


def test_imagetools_drops_os_version() -> None:
    """`docker buildx imagetools create` drops os.version of plain manifests: three entries that nobody can tell apart."""
    dropped = [on(NANO[version], entry=windows()) for version in (V2019, V2022, V2025)]
    found = verified(LINUX, *dropped)
    counted = [finding.code for finding in found.errors]
    assert counted.count("duplicate-platform") == 2
    assert counted.count("os-version-differs") == 3
    assert counted.count("base-differs") == 3
    assert messages(found, "base-differs")[0] == (
        "manifests[1] (windows/amd64) is labelled windows/amd64 without os.version and stands on mcr.microsoft.com/windows/nanoserver (10.0.17763.8146)"
    )


def test_docker_manifest_sorts_by_the_alphabet() -> None:
    """`docker manifest create` sorts members by their references, so the oldest Windows stands first."""
    found = verified(LINUX, on(NANO[V2019]), on(NANO[V2022]))
    assert [finding.code for finding in found.errors] == ["windows-order", "node-wrong-entry"]
    assert messages(found, "node-wrong-entry") == [
        "nodes of Windows Server 23H2, Windows Server 2025, Windows 11 25H2 with Docker take windows/amd64:10.0.17763.8146, which does not run there, although windows/amd64:10.0.20348.4529 would"
    ]


def test_docker_manifest_annotates_a_version_by_hand() -> None:
    """`docker manifest annotate --os-version` and Kubernetes' image-util.sh write the version of another image."""
    assert errors(on(NANO[V2022], entry=windows(V2025))) == ["os-version-differs", "base-differs"]


def test_docker_manifest_lists_one_image_under_two_versions() -> None:
    """The same image annotated twice: one of the two labels must be wrong, with nothing pinned."""
    image = on(NANO[V2022])
    index = index_of(replace(image.entry, platform=windows(V2025)), image)
    found = verify_store(store_of(index, image), "1.0")
    assert [finding.code for finding in found.errors] == ["os-version-differs", "base-shared"]


def test_dotnet_drops_os_version_everywhere() -> None:
    """The .NET SDK writes neither os.version nor os.features into config and index."""
    found = verified(LINUX, on(vendor(V2022, "win32k"), windows()), truth=known(vendor(V2022, "win32k")))
    assert messages(found, "base-differs") == [
        "manifests[1] (windows/amd64) is labelled windows/amd64 without os.version and stands on mcr.microsoft.com/windows/nanoserver (10.0.20348.4529)"
    ]


def test_dotnet_leaves_out_parents_and_puts_hives_last() -> None:
    """The .NET SDK adds only the application's own directory."""
    deep = tar("Files/", "Files/a/b/", "Files/a/b/app.exe", "Hives/")
    assert "R1-parent" in errors(on(NANO[V2022], None, deep))


def test_crane_rebase_drops_os_features() -> None:
    """`crane rebase` sets os.version and not os.features."""
    core = vendor(V2022, "win32k")
    found = verified(on(core, windows(V2022)), truth=known(core, name="mcr.microsoft.com/windows/servercore"))
    assert messages(found, "base-features") == [
        "manifests[0] (windows/amd64:10.0.20348.4529) leaves out the os.features win32k of its base mcr.microsoft.com/windows/servercore (10.0.20348.4529)"
    ]
    assert found.errors == ()


def test_crane_rebase_crosses_releases_in_an_index() -> None:
    """`crane rebase` from 2019 onto 2022 says nothing, and the index goes on saying 2019."""
    assert errors(on(NANO[V2022], windows(V2022), entry=windows(V2019))) == [
        "os-version-differs",
        "base-differs",
    ]


def test_crane_append_writes_roots_twice() -> None:
    """`crane append` of `tar -C d ./`: `Files` stands in the layer twice (google/go-containerregistry#1909)."""
    assert "R2-duplicate" in errors(on(NANO[V2022], None, tar("Files/", "Hives/", "Files/", "Files/x")))


def test_crane_append_leaves_hard_links_without_their_prefix() -> None:
    """`crane append` writes a hard link's target as it was."""
    link = tar("Files/", "Hives/", "Files/b.txt", links={"Files/ln": "b.txt"})
    assert "R4-hard-link" in errors(on(NANO[V2022], None, link))


def test_regctl_rebase_keeps_the_old_revision() -> None:
    """The rebase of regctl moves the layers and keeps the os.version of the old base."""
    found = verified(on(NANO[V2022], windows("10.0.20348.1")))
    assert messages(found, "base-differs") == [
        "manifests[0] (windows/amd64:10.0.20348.1) is labelled windows/amd64:10.0.20348.1 and stands on mcr.microsoft.com/windows/nanoserver (10.0.20348.4529)"
    ]


def test_the_layer_of_a_build_tells_the_build_alone() -> None:
    """A base of one layer of its build and one of updates: another revision of the same build may be right, another build is not."""
    truth = known(vendor("10.0.20348.1", updates=True))
    newer = vendor(V2022, updates=True)
    assert verified(on(newer), truth=truth).errors == ()
    found = verified(on(newer, windows(V2025)), truth=truth)
    assert messages(found, "base-differs") == [
        f"manifests[0] (windows/amd64:{V2025}) is labelled windows/amd64:{V2025} and begins with the layer of mcr.microsoft.com/windows/nanoserver (10.0.20348.1)"
    ]


def test_buildx_publishes_fewer_platforms_than_were_asked_for() -> None:
    """The buildx CLI merged platforms that differ in os.version (docker/buildx#4008): an entry under two builds' nodes."""
    found = verified(LINUX, on(NANO[V2019]))
    nothing = [
        finding.message for finding in found.findings if finding.code in {"node-nothing", "node-unfit"}
    ]
    assert any("Windows Server 2022" in message for message in nothing)


def test_podman_puts_a_linux_path_into_windows_images() -> None:
    """What podman does: it writes PATH=/usr/local/sbin:… into a Windows config."""
    found = verified(on(NANO[V2022], Env=["PATH=/usr/local/sbin:/usr/bin"]))
    assert "path-incomplete warning" in codes(found.findings)


def test_ko_joins_path_with_colons() -> None:
    r"""What ko does: it sets only C:\ko-app where the base has no PATH."""
    assert "path-incomplete warning" in codes(verified(on(NANO[V2022], Env=[r"PATH=C:\ko-app"])).findings)
    assert "path-incomplete warning" not in codes(
        verified(on(NANO[V2022], Env=[f"PATH={SYSTEM_PATH}"])).findings
    )


def test_buildkit_keeps_percent_path() -> None:
    """BuildKit stores %PATH% as it is written, and nothing expands it."""
    assert errors(on(NANO[V2022], Env=[r"PATH=C:\app;%PATH%"])) == ["path-unexpanded"]


def test_a_versioned_entry_on_the_host_process_base() -> None:
    """A HostProcess image with an os.version: it would run on every build, and one build takes it."""
    from buildtools.windows.bases import host_process_base

    base = host_process_base()
    blobs = [base.blobs[item.digest] for item in base.manifest.layers]
    image = shape(windows(V2022), [*blobs, layer("application")])
    assert messages(verified(image), "base-differs") == [
        f"manifests[0] (windows/amd64:{V2022}) is labelled windows/amd64:{V2022} and stands on the HostProcess base (no os.version)"
    ]


def test_a_host_process_image_needs_no_version() -> None:
    """Its base says that it runs on every build, so nobody asks for one."""
    from buildtools.windows.bases import host_process_base

    base = host_process_base()
    blobs = [base.blobs[item.digest] for item in base.manifest.layers]
    found = verified(LINUX, shape(windows(), [*blobs, layer("application")]), truth=own_truth())
    assert "os-version-missing" not in {finding.code for finding in found.findings}
    assert found.errors == ()


@pytest.mark.parametrize("quick", [False, True])
def test_a_tool_that_rewrites_a_config_and_forgets_a_layer(quick: bool) -> None:
    """diff_ids of other layers than there are: only reading the layers tells."""
    image = on(NANO[V2022], diff_ids=[f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"])
    found = errors(image, quick=quick)
    assert found == ([] if quick else ["diff-id", "diff-id"])
