"""The distribution API of the throw-away registry: a request in, a reply out, whatever carries them.

Manifests are taken only when all that they name is there, but for layers that registries must not hold, so
that a tag never stands on something incomplete. Source: opencontainers/distribution-spec:spec.md.
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from buildtools.oci.descriptor import OCI_INDEX
from buildtools.oci.digest import Digest, digest_of
from buildtools.oci.documents import MAX_DOCUMENT, DocumentError, Index, canonical_json, parse_document
from buildtools.stores.referrers import referrer_descriptor
from buildtools.throwaway.replies import JSON, Part, Refused, Reply
from buildtools.throwaway.shelves import Shelf
from buildtools.throwaway.uploads import Uploads, checked_digest

_NAME: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_VERSION: Final = {"Docker-Distribution-API-Version": "registry/2.0"}
_BLOB: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: `name` is the repository, `identifier` what stands last in the path.

    `headers` are by lower-case names.
    """

    method: str
    name: str
    identifier: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: BinaryIO


class Api:
    """Answers requests out of repositories. Safe to use from several threads.

    `found` gives a repository, None where there is none; `made` makes it. `uploads` are its sessions.
    `referrers` is whether the registry has the referrers API; many have not.
    """

    def __init__(
        self,
        *,
        found: Callable[[str], Shelf | None],
        made: Callable[[str], Shelf],
        referrers: bool = True,
    ) -> None:
        self.referrers = referrers
        self.changing = threading.RLock()
        self.uploads = Uploads(made=made, found=found, changing=self.changing)
        self._found = found
        self._made = made

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        """The reply to a request; `target` is path and query, `headers` are by lower-case names."""
        try:
            reply = self._routed(method, target, headers, body)
        except Refused as refused:
            reply = refused.reply
        return Reply(status=reply.status, headers={**_VERSION, **reply.headers}, body=reply.body)

    def _routed(self, method: str, target: str, headers: Mapping[str, str], body: BinaryIO) -> Reply:
        parts = urlsplit(target)
        path = unquote(parts.path)
        if path in {"/v2", "/v2/"} and method in {"GET", "HEAD"}:
            return Reply(headers={"Content-Type": JSON}, body=b"{}")
        for pattern, methods in _ROUTES:
            if not (match := pattern.fullmatch(path)):
                continue
            if not _NAME.fullmatch(match["name"]):
                raise Refused(400, "NAME_INVALID", "invalid repository name")
            if method not in methods:
                allowed = {"Allow": ", ".join(methods)}
                raise Refused(405, "UNSUPPORTED", "the operation is unsupported", headers=allowed)
            asked = Asked(
                method=method,
                name=match["name"],
                identifier=match["identifier"],
                query=dict(reversed(parse_qsl(parts.query))),
                headers=headers,
                body=body,
            )
            return methods[method](self, asked)
        raise Refused(404, "NAME_UNKNOWN", "no such page")

    def begin_upload(self, asked: Asked) -> Reply:
        """POST of an upload."""
        return self.uploads.begin(asked.name, asked.query, asked.body)

    def upload_status(self, asked: Asked) -> Reply:
        """GET of an upload."""
        return self.uploads.status(asked.name, asked.identifier)

    def append_upload(self, asked: Asked) -> Reply:
        """PATCH of an upload."""
        return self.uploads.append(asked.name, asked.identifier, asked.headers, asked.body)

    def finish_upload(self, asked: Asked) -> Reply:
        """PUT of an upload."""
        return self.uploads.finish(asked.name, asked.identifier, asked.headers, asked.query, asked.body)

    def cancel_upload(self, asked: Asked) -> Reply:
        """DELETE of an upload."""
        return self.uploads.cancel(asked.identifier)

    def read_blob(self, asked: Asked) -> Reply:
        """GET and HEAD of a blob, with a range where one is asked for."""
        shelf, digest, size = self._blob(asked)
        headers = {"Content-Type": _BLOB, "Docker-Content-Digest": digest, "Accept-Ranges": "bytes"}
        # Only GET knows ranges (RFC 9110, 14.2).
        place = _place(asked.headers.get("range", ""), size) if asked.method == "GET" else None
        if place is None:
            return Reply(headers=headers, body=Part(open=lambda: shelf.open_blob(digest), size=size))
        start, end = place
        return Reply(
            status=206,
            headers={**headers, "Content-Range": f"bytes {start}-{end}/{size}"},
            body=Part(open=lambda: shelf.open_blob(digest), start=start, size=end - start + 1),
        )

    def delete_blob(self, asked: Asked) -> Reply:
        """DELETE of a blob."""
        with self.changing:
            shelf, digest, _ = self._blob(asked)
            shelf.remove_blob(digest)
        return Reply(status=202)

    def read_manifest(self, asked: Asked) -> Reply:
        """GET and HEAD of a manifest, by tag or digest."""
        with self.changing:
            digest, media_type, raw = self._manifest(asked)
        return Reply(headers={"Content-Type": media_type, "Docker-Content-Digest": digest}, body=raw)

    def put_manifest(self, asked: Asked) -> Reply:
        """PUT of a manifest, by tag or digest; all that it names must be there."""
        raw = asked.body.read(MAX_DOCUMENT + 1)
        if len(raw) > MAX_DOCUMENT:
            raise Refused(413, "SIZE_INVALID", f"a manifest has at most {MAX_DOCUMENT} bytes")
        digest, by_digest = digest_of(raw), ":" in asked.identifier
        if by_digest and asked.identifier != digest:
            raise Refused(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if not by_digest and not _TAG.fullmatch(asked.identifier):
            raise Refused(400, "TAG_INVALID", "manifest tag is no tag")
        try:
            document = parse_document(raw, asked.headers.get("content-type", ""))
        except DocumentError as error:
            raise Refused(400, "MANIFEST_INVALID", str(error)) from error
        with self.changing:
            shelf = self._made(asked.name)
            if isinstance(document, Index):
                missing = [part for part in document.manifests if part.digest not in shelf.manifests]
            else:
                blobs = (document.config, *document.layers)
                missing = [
                    part for part in blobs if not part.is_foreign and shelf.blob_size(part.digest) is None
                ]
            if missing:
                message = f"blob unknown to registry: {missing[0].digest}"
                raise Refused(404, "MANIFEST_BLOB_UNKNOWN", message)
            shelf.manifests[digest] = (document.media_type, raw)
            if not by_digest:
                shelf.tags[asked.identifier] = digest
        headers = {"Location": f"/v2/{asked.name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if self.referrers and document.subject:
            headers["OCI-Subject"] = document.subject.digest
        return Reply(status=201, headers=headers)

    def delete_manifest(self, asked: Asked) -> Reply:
        """DELETE of a manifest with all its tags, or of a tag alone."""
        with self.changing:
            shelf, (digest, _, _) = self._shelf(asked), self._manifest(asked)
            if ":" in asked.identifier:
                del shelf.manifests[digest]
                for tag in [tag for tag, named in shelf.tags.items() if named == digest]:
                    del shelf.tags[tag]
            else:
                del shelf.tags[asked.identifier]
        return Reply(status=202)

    def list_tags(self, asked: Asked) -> Reply:
        """GET of the tags, sorted, in pages of `n` that begin behind `last`."""
        with self.changing:
            tags = sorted(self._shelf(asked).tags)
        tags = [tag for tag in tags if tag > asked.query.get("last", "")]
        most = asked.query.get("n", "")
        headers = {"Content-Type": JSON}
        if most.isascii() and most.isdigit() and int(most) < len(tags):
            tags = tags[: int(most)]
            last = quote(tags[-1]) if tags else ""
            headers["Link"] = f'</v2/{asked.name}/tags/list?n={most}&last={last}>; rel="next"'
        return Reply(headers=headers, body=canonical_json({"name": asked.name, "tags": tags}))

    def list_referrers(self, asked: Asked) -> Reply:
        """GET of an index of the manifests that name this one as their subject."""
        if not self.referrers:
            raise Refused(404, "UNSUPPORTED", "this registry has no referrers API")
        subject = checked_digest(asked.identifier)
        with self.changing:
            shelf = self._found(asked.name)
            kept = tuple(shelf.manifests.values()) if shelf else ()
        documents = [parse_document(raw, media_type) for media_type, raw in kept]
        found = [
            referrer_descriptor(document)
            for document in documents
            if document.subject and document.subject.digest == subject
        ]
        headers = {"Content-Type": OCI_INDEX}
        if wanted := asked.query.get("artifactType"):
            found = [entry for entry in found if entry.artifact_type == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        return Reply(headers=headers, body=Index.build(manifests=found).raw)

    def _shelf(self, asked: Asked) -> Shelf:
        shelf = self._found(asked.name)
        if shelf is None:
            raise Refused(404, "NAME_UNKNOWN", "repository name not known to registry")
        return shelf

    def _blob(self, asked: Asked) -> tuple[Shelf, Digest, int]:
        shelf, digest = self._shelf(asked), checked_digest(asked.identifier)
        size = shelf.blob_size(digest)
        if size is None:
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        return shelf, digest, size

    def _manifest(self, asked: Asked) -> tuple[Digest, str, bytes]:
        shelf, identifier = self._shelf(asked), asked.identifier
        digest = checked_digest(identifier) if ":" in identifier else shelf.tags.get(identifier)
        found = shelf.manifests.get(digest) if digest else None
        if digest is None or found is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "manifest unknown")
        return digest, *found


def _place(asked: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a range (RFC 9110, 14.1.2), None for all of it; raises Refused."""
    match = _ONE_RANGE.fullmatch(asked)
    if not match or not (match[1] or match[2]):
        return None
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    else:
        start, end = max(size - int(match[2]), 0), size - 1
    if match[1] and match[2] and int(match[2]) < start:
        return None
    if start > end:
        raise Refused(
            416,
            "RANGE_INVALID",
            "requested range not satisfiable",
            headers={"Content-Range": f"bytes */{size}"},
        )
    return start, end


_Handler = Callable[[Api, Asked], Reply]
_ROUTES: Final[tuple[tuple[re.Pattern[str], Mapping[str, _Handler]], ...]] = (
    (re.compile(r"/v2/(?P<name>.+)/blobs/uploads(?P<identifier>)/?"), {"POST": Api.begin_upload}),
    (
        re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<identifier>[^/]+)"),
        {
            "GET": Api.upload_status,
            "PATCH": Api.append_upload,
            "PUT": Api.finish_upload,
            "DELETE": Api.cancel_upload,
        },
    ),
    (
        re.compile(r"/v2/(?P<name>.+)/blobs/(?P<identifier>[^/]+)"),
        {"GET": Api.read_blob, "HEAD": Api.read_blob, "DELETE": Api.delete_blob},
    ),
    (
        re.compile(r"/v2/(?P<name>.+)/manifests/(?P<identifier>[^/]+)"),
        {
            "GET": Api.read_manifest,
            "HEAD": Api.read_manifest,
            "PUT": Api.put_manifest,
            "DELETE": Api.delete_manifest,
        },
    ),
    (re.compile(r"/v2/(?P<name>.+)/tags/list(?P<identifier>)"), {"GET": Api.list_tags}),
    (re.compile(r"/v2/(?P<name>.+)/referrers/(?P<identifier>[^/]+)"), {"GET": Api.list_referrers}),
)
"""What there is, and what may be done with it; the first that fits counts."""
