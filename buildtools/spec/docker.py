"""The shape of `docker` in `image.yaml`: how an engine builds a Dockerfile."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=4096)]


class DockerSpec(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="kebab"
):
    """How the Docker Engine builds; each is what the option of `docker build` of that name is."""

    target: Annotated[Text, Meta(description="The stage to build; the last one where nothing is said.")] = ""
    network: Annotated[
        Text, Meta(description="What RUN may reach: `none`, `host`, or a network of the engine.")
    ] = ""
    pull: Annotated[
        Literal["missing", "always"],
        Meta(
            description="Whether bases are asked for although the engine has them. They are pinned by "
            "digest, so that `always` only finds out that one is gone."
        ),
    ] = "missing"
    cache_from: Annotated[
        tuple[Text, ...],
        Meta(description="Images whose steps are used again where they are the same; pulled first."),
    ] = ()
    allow_args: Annotated[
        tuple[Text, ...],
        Meta(
            description="Names among `args` that look like secrets and are none. Anybody who has the image "
            "can read every build argument in its history."
        ),
    ] = ()
