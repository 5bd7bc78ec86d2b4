"""What verbs hand to a matrix: an index as a leg."""

from buildtools.oci.digest import digest_of
from buildtools.oci.platform import Platform
from buildtools.verbs.publishing import leg


def test_a_leg_names_each_image_and_what_it_is_for() -> None:
    """Platforms as tools take them; file names that tell releases apart, and are there once each."""
    first, second, third = (digest_of(text) for text in (b"1", b"2", b"3"))
    windows = Platform(os="windows", architecture="amd64", os_version="10.0.1.2")
    arm = Platform(os="linux", architecture="arm", variant="v7")
    assert leg("app", "ghcr.io/acme/app", first, [(first, arm), (second, windows), (third, windows)]) == {
        "image": "app",
        "name": "ghcr.io/acme/app",
        "digest": first,
        "children": [first, second, third],
        "platforms": ["linux/arm/v7", "windows/amd64", "windows/amd64"],
        "files": ["app-linux-arm-v7", "app-windows-amd64-10.0.1.2", "app-windows-amd64-10.0.1.2-3"],
    }
