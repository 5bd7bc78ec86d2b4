"""A store behind the distribution API.

Every answer is held to the digest that was asked for or that it declares, documents are capped, blobs
resume where a connection broke. Source: opencontainers/distribution-spec:spec.md.
"""

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import BinaryIO, Final

from buildtools.errors import BuildError, BuildtoolsError, UnavailableError, VerificationError
from buildtools.oci.descriptor import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
)
from buildtools.oci.digest import Digest, DigestError, digest_of, parse_digest
from buildtools.oci.documents import MAX_DOCUMENT, DocumentError, Index, Manifest, parse_document
from buildtools.oci.reference import Reference
from buildtools.settings import Settings
from buildtools.stores.base import (
    OpenBody,
    Readable,
    as_digest,
    check_manifest,
    manifest_descriptor,
    read_manifest,
    too_large,
    verified,
    wrong_size,
)
from buildtools.stores.client import Client
from buildtools.stores.mirrors import locate
from buildtools.stores.referrers import Referrers, referrer_descriptor
from buildtools.stores.retry import RETRIED, Fault
from buildtools.stores.transport import Answer
from buildtools.stores.upload import Upload

_ACCEPT: Final = f"{OCI_INDEX}, {OCI_MANIFEST}, {DOCKER_LIST}, {DOCKER_MANIFEST}"
_KNOWN: Final = INDEX_TYPES | MANIFEST_TYPES
_READ: Final = 256 * 1024
_PROGRESS: Final = 1024 * 1024
"""Bytes after which a download counts as getting on, so that its tries start anew."""
_NOT_YET: Final[Mapping[str | int, int]] = dict.fromkeys(
    ("BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN"), 5
)
"""Error codes of registries with replicas that do not see each other's blobs at once, and tries."""
_NO_PARTS: Final = "something that it names is not in the repository; run the command again"


class Registry:
    """One repository of a registry, read through its mirror where `settings` names one.

    What is written goes to the repository itself, never to a mirror: make it with settings that name none.

    Errors name the registry, the repository and what was asked. They are AuthenticationError,
    NotFoundError, VerificationError, UnavailableError after all retries, else BuildError.
    """

    def __init__(
        self,
        host: str,
        repository: str,
        *,
        settings: Settings,
        client: Client | None = None,
        ways: dict[str, bool] | None = None,
    ) -> None:
        self._client = client or Client(settings)
        self.location = locate(host, repository, settings.mirrors)
        self.name = f"{host}/{repository}"
        if self.location.upstream:
            self.name += f" (read from its mirror {self.location})"
        self.named_referrers = Referrers(self._client, self.location, self, {} if ways is None else ways)

    def has_blob(self, descriptor: Descriptor) -> bool:
        """Whether the registry has the blob with the descriptor's size.

        A registry that does not let HEAD say so is asked with GET; where that is denied the answer is no,
        and fetching or uploading the blob will tell why.
        """
        return self._client.run(lambda: self._has_blob(descriptor))

    def get_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob; raises NotFoundError at once, and VerificationError while it is read."""
        return verified(_Download(self, self._client, descriptor), descriptor, self.name)

    def get_manifest(self, identifier: str) -> tuple[Descriptor, bytes]:
        """A manifest or index by tag or digest."""
        digest = as_digest(identifier)
        return self._client.run(lambda: self._get_manifest(identifier, digest))

    def put_blob(self, descriptor: Descriptor, open_body: OpenBody, *, mount: str = "") -> None:
        """Write a blob; raises VerificationError before the last byte is sent.

        `mount` names a repository of the same registry that may hold it already.
        """
        self.send_blob(descriptor, open_body, mount=mount)

    def send_blob(self, descriptor: Descriptor, open_body: OpenBody, *, mount: str = "") -> bool:
        """The same; returns whether the bytes had to be sent."""
        upload = Upload(
            self._client,
            self.location,
            descriptor,
            lambda: verified(open_body(), descriptor, self.name),
            mount=mount,
        )
        return upload.run()

    def mountable(self, other: Readable) -> str:
        """What `mount` is for a blob of another store; empty where it is not a repository beside this one."""
        if not isinstance(other, Registry) or other.location.repository == self.location.repository:
            return ""
        return other.location.repository if self._is_beside(other) else ""

    def is_at(self, other: "Registry") -> bool:
        """Whether both are the same repository."""
        return self._is_beside(other) and other.location.repository == self.location.repository

    def _is_beside(self, other: "Registry") -> bool:
        return self._client.base_url(other.location) == self._client.base_url(self.location)

    def put_manifest(self, raw: bytes, media_type: str, *, tag: str = "") -> Descriptor:
        """Write a manifest or index under its digest, or under `tag`; its subject gets to know of it."""
        descriptor = manifest_descriptor(raw, media_type, self.name)
        document = _with_subject(raw, media_type)
        if not self.put_noted(raw, media_type, tag=tag) and document and document.subject:
            self.named_referrers.add(document.subject.digest, [referrer_descriptor(document)])
        return descriptor

    def put_noted(self, raw: bytes, media_type: str, *, tag: str = "") -> bool:
        """Write a manifest or index; returns whether the registry lists it among its subject's referrers."""
        descriptor = manifest_descriptor(raw, media_type, self.name)
        noted = self._client.run(lambda: self._put_manifest(raw, descriptor, tag or descriptor.digest))
        # ECR has said OCI-Subject without having the API (sigstore-js#1183).
        return noted and self.named_referrers.has_api is not False

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The manifests here that name `subject`, which need not be here itself."""
        return self.named_referrers.all(subject)

    def resolve(self, identifier: str) -> Descriptor:
        """What a tag or digest stands for now, by HEAD where the registry's answer to that is complete."""
        digest = as_digest(identifier)
        found = self._client.run(lambda: self._head_manifest(identifier, digest))
        return found or self.get_manifest(identifier)[0]

    def open_blob(self, descriptor: Descriptor, start: int) -> Answer:
        """One try to read a blob from byte `start` on, whatever the registry makes of Range."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        answer = self._client.attempt(self.location, "GET", f"blobs/{descriptor.digest}", headers=headers)
        if answer.status not in {200, 206}:
            raise self._failure(answer, f"blob {descriptor.digest} of {self.name}")
        if answer.status == 200:
            if answer.length is not None and answer.length != descriptor.size:
                answer.close()
                raise wrong_size(descriptor, self.name, f"{answer.length}")
            _skip(answer, start)
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            answer.close()
            raise BuildError(
                f"{self.name} answered with another part of blob {descriptor.digest} than was asked for"
            )
        return answer

    def _has_blob(self, descriptor: Descriptor) -> bool:
        path = f"blobs/{descriptor.digest}"
        for method in ("HEAD", "GET"):
            with self._client.attempt(self.location, method, path) as answer:
                if answer.status == 200:
                    return answer.length in {None, descriptor.size}
                if answer.status in RETRIED:
                    raise self._failure(answer, f"blob {descriptor.digest} of {self.name}")
                if answer.status == 404:
                    return False
        return False

    def _head_manifest(self, identifier: str, digest: Digest | None) -> Descriptor | None:
        with self._client.attempt(
            self.location, "HEAD", f"manifests/{identifier}", headers={"Accept": _ACCEPT}
        ) as answer:
            if answer.status in RETRIED or answer.status == 404:
                raise self._failure(answer, self._called(identifier))
            declared, media_type = _declared(answer), _media_type(answer)
            complete = answer.status == 200 and declared and media_type in _KNOWN and answer.length
            if not complete or not declared or not answer.length:
                return None
        self._same(digest or declared, declared, identifier)
        return Descriptor(media_type=media_type, size=answer.length, digest=declared)

    def _get_manifest(self, identifier: str, digest: Digest | None) -> tuple[Descriptor, bytes]:
        with self._client.attempt(
            self.location, "GET", f"manifests/{identifier}", headers={"Accept": _ACCEPT}
        ) as answer:
            if answer.status != 200:
                raise self._failure(answer, self._called(identifier))
            raw = answer.read(MAX_DOCUMENT)
            declared, media_type = _declared(answer), _media_type(answer)
        what = f"M{self._called(identifier)[1:]}"
        if raw is None:
            raise too_large(what, f"more than {MAX_DOCUMENT}")
        if digest:
            check_manifest(raw, digest, self.name)
        self._same(declared or digest_of(raw), digest_of(raw), identifier)
        return read_manifest(raw, media_type, what).descriptor, raw

    def _put_manifest(self, raw: bytes, descriptor: Descriptor, identifier: str) -> bool:
        with self._client.attempt(
            self.location,
            "PUT",
            f"manifests/{identifier}",
            headers={"Content-Type": descriptor.media_type},
            body=raw,
            scope=f"repository:{self.location.repository}:pull,push",
        ) as answer:
            declared, noted = _declared(answer), "OCI-Subject" in answer.headers
            error: Exception | None = None
            if answer.status not in {200, 201, 202, 204}:
                what = self._called(identifier)
                error = self._client.failure(answer, self.location, what, hint=_NO_PARTS, passing=_NOT_YET)
        if error:
            # A tag that cannot be moved is right where it is, if a lost answer was to our own first try.
            if isinstance(error, Fault) or not self._stands(identifier, descriptor.digest):
                raise error
        elif declared and declared != descriptor.digest:
            # Some registries answer with another digest than they keep: what can be read decides.
            found, _ = self._get_manifest(identifier, None)
            self._same(descriptor.digest, found.digest, identifier)
        return noted

    def _stands(self, identifier: str, digest: Digest) -> bool:
        try:
            return self._get_manifest(identifier, None)[0].digest == digest
        except BuildtoolsError:
            return False

    def _same(self, expected: Digest, found: Digest, identifier: str) -> None:
        if found != expected:
            raise VerificationError(
                f"{self.name} should answer for {identifier} with digest {expected}, it answers with {found}",
                hint="a proxy in between may change what it passes on; try again, then tell whoever runs it",
            )

    def _called(self, identifier: str) -> str:
        upstream = self.location.upstream or str(self.location)
        mirror = self.name[len(upstream) :]
        return f"manifest {upstream}{'@' if as_digest(identifier) else ':'}{identifier}{mirror}"

    def _failure(self, answer: Answer, what: str) -> Exception:
        hint = ""
        if self.location.upstream:
            hint = f"copy it to {self.location}, or take that mirror out of the settings"
        with answer:
            return self._client.failure(answer, self.location, what, hint=hint)


class Registries:
    """Opens repositories; all share connections, tokens and what is known about secrets."""

    def __init__(self, settings: Settings, *, client: Client | None = None) -> None:
        self._settings = settings
        self._ways: dict[str, bool] = {}
        self.client = client or Client(settings)

    def without_mirrors(self) -> "Registries":
        """The same with every registry under its own name, as what is written needs it."""
        other = Registries(replace(self._settings, mirrors={}), client=self.client)
        other._ways = self._ways
        return other

    def open(self, reference: Reference) -> Registry:
        """The repository of a reference."""
        return Registry(
            reference.registry,
            reference.repository,
            settings=self._settings,
            client=self.client,
            ways=self._ways,
        )

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


class _Download(io.RawIOBase):
    """A blob as it comes, taken up again where the connection broke."""

    def __init__(self, registry: Registry, client: Client, descriptor: Descriptor) -> None:
        self._registry = registry
        self._descriptor = descriptor
        self._tries = client.tries()
        self._place = 0
        self._fresh = 0
        self._answer: Answer | None = client.run(lambda: registry.open_blob(descriptor, 0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override] # BufferedReader gives a memoryview
        while True:
            try:
                data = self._next(min(len(buffer), _READ))
            except Fault as fault:
                self._drop()
                self._tries.pause(fault)
                continue
            buffer[: len(data)] = data
            return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _next(self, size: int) -> bytes:
        """The next bytes, from a new request where the last one broke off; raises Fault."""
        if self._answer is None:
            self._answer = self._registry.open_blob(self._descriptor, self._place)
        left = self._descriptor.size - self._place
        try:
            data = self._answer.read1(size)
        except Fault:
            if left:
                raise
            return b""
        if left and size and not data:
            raise _cut(self._answer)
        self._place += len(data)
        self._fresh += len(data)
        if self._fresh >= _PROGRESS:
            self._fresh = 0
            self._tries.progressed()
        return data

    def _drop(self) -> None:
        if self._answer is not None:
            self._answer.close()
        self._answer = None


def _skip(answer: Answer, count: int) -> None:
    """Read over bytes that are already here: the registry began anew; raises Fault."""
    while count:
        data = answer.read1(min(count, _READ))
        if not data:
            raise _cut(answer)
        count -= len(data)


def _cut(answer: Answer) -> Fault:
    error = UnavailableError(
        f"{answer.host} ends the connection in the middle of a blob",
        hint="check the network; it is safe to run the command again",
    )
    return Fault(error)


def _with_subject(raw: bytes, media_type: str) -> Manifest | Index | None:
    """The document where it names a subject, as few do."""
    try:
        document = parse_document(raw, media_type)
    except DocumentError:
        return None
    return document if document.subject else None


def _declared(answer: Answer) -> Digest | None:
    try:
        return parse_digest(answer.headers.get("Docker-Content-Digest", ""))
    except DigestError:
        # Absent, or of an algorithm that is not ours: our own digest is computed in any case.
        return None


def _media_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
