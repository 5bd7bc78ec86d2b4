# ruff: noqa: E501 - sentences are asserted whole, each on its line
"""Whether images stand on what their labels say: known bases, each other, and what annotations claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildtools.cluster.truth import (
    KnownBase,
    Truth,
    claims,
    judge,
    own_truth,
    pinned_truth,
    stands_on,
    unknown_note,
)
from buildtools.oci.annotations import BASE_DIGEST
from buildtools.oci.config import ImageConfig
from buildtools.oci.platform import Platform
from buildtools.pins import BasePin, Pins
from buildtools.windows.bases import STAND_IN_LABEL, stand_in_base
from tests.fakes.images import Image, entries
from tests.fakes.shapes import V2019, V2022, V2025, codes, layer, on, shape, vendor, windows

NANO = "mcr.microsoft.com/windows/nanoserver"
AMD64, ARM64 = (Platform(os="linux", architecture=name) for name in ("amd64", "arm64"))


def known(image: Image, name: str = NANO, **more: object) -> KnownBase:
    """A base that is known."""
    return KnownBase.of(name, image.manifest, ImageConfig.parse(image.blobs[0]), **more)  # type: ignore[arg-type]


def states(*images: Image, truth: Truth) -> list[tuple[str, str]]:
    """State and base of each image."""
    verdicts = judge(entries(*images), truth)
    return [(verdicts[image.entry].state, verdicts[image.entry].base) for image in images]


def test_the_longest_base_decides() -> None:
    """A base on another base: what stands on both is called by the upper one."""
    nano = vendor(V2022)
    upper = on(nano, None, layer("dotnet"))
    truth = Truth(bases=(known(nano), known(upper, "dotnet/runtime")))
    assert states(on(upper), on(nano), truth=truth) == [
        ("right", f"dotnet/runtime ({V2022})"),
        ("right", f"{NANO} ({V2022})"),
    ]


def test_a_base_is_told_by_what_its_layers_unpack_to() -> None:
    """Another compressor gives other digests and the same diff_ids."""
    import gzip

    nano = vendor(V2022)
    again = shape(windows(V2022), [gzip.compress(gzip.decompress(nano.blobs[1]), 9), layer("app")])
    (entry,) = entries(again)
    assert again.manifest.layers[0].digest != nano.manifest.layers[0].digest
    assert stands_on(entry, known(nano))


def test_nothing_stands_on_a_base_without_layers() -> None:
    """Nothing could be said of it."""
    (entry,) = entries(vendor(V2022))
    assert not stands_on(entry, known(shape(AMD64, [])))
    assert states(vendor(V2022), truth=Truth(bases=(known(shape(windows(V2019), [])),))) == [("unknown", "")]


def test_a_linux_image_on_the_base_of_another_processor() -> None:
    """Is labelled wrong, too; one on no known base is nothing to speak of."""
    base = shape(ARM64, [layer("arm", system="linux")])
    truth = Truth(bases=(known(base, "alpine:3"),))
    wrong = shape(AMD64, [*base.blobs[1:], layer("app", system="linux")])
    verdict = judge(entries(wrong), truth)[wrong.entry]
    assert [finding.message for finding in verdict.findings] == [
        "entry 0 is labelled linux/amd64 and stands on alpine:3 (linux/arm64)"
    ]
    assert states(shape(AMD64, [layer("x", system="linux")]), truth=truth) == [("none", "")]


def test_one_of_two_labels_for_the_same_layers_is_enough() -> None:
    """A base that its vendor has published under two revisions."""
    truth = Truth(
        bases=(known(vendor(V2022)), known(shape(windows("10.0.20348.1"), vendor(V2022).blobs[1:])))
    )
    assert [state for state, _ in states(on(vendor(V2022)), truth=truth)] == ["right"]


def test_the_first_layer_of_a_build() -> None:
    """It says which build, and nothing of the revision."""
    truth = Truth(bases=(known(vendor("10.0.20348.1", updates=True)),))
    image = on(vendor(V2022, updates=True))
    assert states(image, truth=truth) == [("right", f"a base of the build of {NANO} (10.0.20348.1)")]


def test_the_first_layer_of_another_build() -> None:
    """With a label of another build that is wrong; of base features only a whole base tells."""
    truth = Truth(bases=(known(vendor("10.0.20348.1", "win32k", updates=True)),))
    image = on(vendor(V2022, updates=True), windows(V2019))
    verdict = judge(entries(image), truth)[image.entry]
    assert [finding.message for finding in verdict.findings] == [
        f"entry 0 is labelled windows/amd64:{V2019} and begins with the layer of {NANO} (10.0.20348.1)"
    ]
    left_out = on(vendor("10.0.20348.1", updates=True))
    verdict = judge(entries(left_out), truth)[left_out.entry]
    assert [f"{finding.severity}: {finding.message}" for finding in verdict.findings] == [
        f"warning: entry 0 leaves out the os.features win32k of its base {NANO} (10.0.20348.1)"
    ]


def test_an_annotation_that_lies() -> None:
    """It names a known base, and the layers are others; an index's digest counts as well."""
    nano = vendor(V2022)
    for base in (known(nano), known(nano, index=vendor(V2025).manifest.descriptor.digest)):
        told = base.index or base.digest
        liar = on(vendor(V2019), annotations={BASE_DIGEST: told})
        honest = on(nano, annotations={BASE_DIGEST: told})
        verdicts = judge(entries(liar, honest), Truth(bases=(base,)))
        assert claims(entries(liar)[0], base)
        assert (verdicts[liar.entry].state, verdicts[liar.entry].base) == ("wrong", f"not {NANO} ({V2022})")
        assert [finding.message for finding in verdicts[liar.entry].findings] == [
            f"entry 0 says in org.opencontainers.image.base.digest that it stands on {NANO} ({V2022}), whose layers are not its lowest ones"
        ]
        assert verdicts[honest.entry].state == "right"


def test_three_that_share_a_layer() -> None:
    """The second and third are held against the first; what is known to be wrong is not told twice."""
    nano = vendor(V2022)
    images = [on(nano, windows(version)) for version in (V2025, V2022, V2019)]
    verdicts = judge(entries(*images), Truth())
    assert [verdicts[image.entry].state for image in images] == ["unknown", "wrong", "wrong"]
    pinned = judge(entries(*images), Truth(bases=(known(nano),)))
    found = [finding for verdict in pinned.values() for finding in verdict.findings]
    assert codes(found) == ["base-differs error"] * 2


def test_two_of_one_build_may_share() -> None:
    """Two revisions of a build have its layer in common; so do stand-ins of one text."""
    nano = vendor(V2022, updates=True)
    assert [state for state, _ in states(on(nano), on(nano, windows("10.0.20348.1")), truth=Truth())] == [
        "unknown"
    ] * 2
    stand_ins = [
        shape(windows(version), [layer("same")], Labels={STAND_IN_LABEL: "true"})
        for version in (V2022, V2019)
    ]
    assert [state for state, _ in states(*stand_ins, truth=Truth())] == ["unknown"] * 2


def test_layers_are_compared_where_a_config_says_no_diff_ids() -> None:
    """By their digests."""
    nano = vendor(V2022)
    images = [on(nano, windows(version), diff_ids=[]) for version in (V2025, V2022)]
    assert [state for state, _ in states(*images, truth=Truth())] == ["unknown", "wrong"]
    assert states(shape(windows(V2022), []), truth=own_truth()) == [("unknown", "")]


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "entry 0: its base is not known, so nothing is said about it"),
        (2, "entry 0, entry 1: their bases are not known, so nothing is said about them"),
    ],
)
def test_what_is_not_known_is_said_once(count: int, sentence: str) -> None:
    """For all entries together; nothing where all is known."""
    images = entries(*[on(vendor(version)) for version in (V2025, V2022)][:count])
    (note,) = unknown_note(images, judge(images, Truth()))
    assert (note.message, note.severity) == (sentence, "note")
    right = entries(on(vendor(V2022)))
    assert list(unknown_note(right, judge(right, Truth(bases=(known(vendor(V2022)),))))) == []


def test_pins_are_truth() -> None:
    """Every pinned base, and the HostProcess base, which needs no pin."""
    base = stand_in_base(windows(V2022), title="nanoserver")
    pin = BasePin(
        digest=base.manifest.descriptor.digest,
        media_type=base.manifest.media_type,
        manifest=base.manifest.raw,
        config=base.config.raw,
    )
    truth = pinned_truth(Pins(bases={NANO: {"windows/amd64:10.0.20348": pin}}))
    assert [known.told for known in truth.bases] == [
        "the HostProcess base (no os.version)",
        f"{NANO} ({V2022})",
    ]
    assert {layer.digest for layer in base.manifest.layers} < truth.layers
    assert truth.also(truth.bases) == truth


VERSIONS = st.sampled_from([V2019, V2022, V2025, "10.0.20348", ""])


@given(base=st.sampled_from([V2019, V2022, V2025]), label=VERSIONS, lower=st.booleans())
def test_right_means_the_very_version_of_the_base(base: str, label: str, lower: bool) -> None:
    """Any other label on a known base is wrong, however it is spelt."""
    system = "windows" if lower else "Windows"
    image = on(vendor(base), Platform(os=system, architecture="amd64", os_version=label))
    ((state, _),) = states(image, truth=Truth(bases=(known(vendor(base)),)))
    assert state == ("right" if label == base else "wrong")
