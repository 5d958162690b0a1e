/** What a fake registry says to what is asked of its content. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { digestOf } from "../../../../oci/blob-digest.ts";
import { type FakeRegistry, REPOSITORY, refuse } from "./fake-state.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** Takes a manifest under the name that it is put at, a tag or its digest, and answers with its digest. */
export async function storeManifest(
  { content, behaviour }: FakeRegistry,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await buffer(request);
  const digest = digestOf(bytes);
  const { immutable, referrers } = behaviour;
  const there = key.includes(":") ? undefined : content.get(key);
  if (there && immutable && (immutable.even || !there.bytes.equals(bytes)))
    return refuse(response, immutable);
  const stored = { mediaType: request.headers["content-type"] ?? "", bytes };
  content.set(key, stored).set(`manifests/${digest}`, stored);
  const { subject } = JSON.parse(bytes.toString()) as { subject?: { digest: string } };
  response.writeHead(201, {
    "docker-content-digest": digest,
    ...(subject && referrers === "listed" && { "oci-subject": subject.digest }),
  });
  response.end();
}

/** The manifests with this subject. */
function referrersOf({ content }: FakeRegistry, subject: string): object {
  const manifests = [...content].flatMap(([key, { mediaType, bytes }]) => {
    if (!key.startsWith("manifests/sha256:")) return [];
    const document = JSON.parse(bytes.toString());
    if (document.subject?.digest !== subject) return [];
    const { artifactType, annotations } = document;
    return [{ mediaType, digest: digestOf(bytes), size: bytes.length, artifactType, annotations }];
  });
  return { schemaVersion: 2, mediaType: INDEX, manifests };
}

/** Answers for the interface, where there is one. */
export function sendReferrers(registry: FakeRegistry, key: string, response: ServerResponse): boolean {
  const { referrers, referrersAddress } = registry.behaviour;
  if (!referrers) return false;
  if (referrers === "elsewhere") {
    const pages = `http://localhost:${registry.host.split(":")[1]}/-/v2/packages/container/package/x%2Freferrers`;
    response.writeHead(303, { location: referrersAddress ?? pages }).end();
    return true;
  }
  response.writeHead(200, { "content-type": INDEX });
  response.end(JSON.stringify(referrersOf(registry, key.replace(/^referrers\/|\?.*$/g, ""))));
  return true;
}

export function sendTags(
  { content, behaviour, name }: FakeRegistry,
  url: string,
  response: ServerResponse,
): void {
  const tags = [...content.keys()]
    .filter((key) => key.startsWith("manifests/") && !key.includes("sha256:"))
    .map((key) => key.slice("manifests/".length))
    .sort();
  const last = new URL(url, "http://any").searchParams.get("last");
  const rest = last === null ? tags : tags.slice(tags.indexOf(last) + 1);
  const { size, link } = behaviour.pages ?? { size: tags.length, link: "path" };
  const page = rest.slice(0, size);
  const query = `?n=${size}&last=${page.at(-1)}`;
  const path = `/v2/${REPOSITORY}/tags/list${query}`;
  const next = { path, absolute: `https://${name}${path}`, query }[link];
  response.writeHead(200, rest.length > size ? { link: `<${next}>; rel="next"` } : {});
  response.end(JSON.stringify({ name: REPOSITORY, tags: page }));
}

/** What is stored, or that it is not. */
export function send(registry: FakeRegistry, key: string, method: string, response: ServerResponse): void {
  const { behaviour, content, host } = registry;
  const alias = key.replace(/^manifests\/sha256-/, "manifests/sha256:");
  const stored = (behaviour.aliasesDigests && content.get(alias)) || content.get(key);
  if (!stored) {
    const status = behaviour.absentStatus ?? 404;
    const isForbidden = status === 403;
    refuse(response, {
      status,
      code: isForbidden ? "DENIED" : "MANIFEST_UNKNOWN",
      message: isForbidden ? "forbidden" : "manifest unknown",
    });
    return;
  }
  if (behaviour.blobsElsewhere && key.startsWith("blobs/") && method === "GET") {
    response.writeHead(307, { location: `http://localhost:${host.split(":")[1]}/store/${key}` }).end();
    return;
  }
  response.writeHead(200, {
    "content-type": stored.mediaType,
    "content-length": stored.bytes.length,
    ...(key.startsWith("manifests/") && { "docker-content-digest": digestOf(stored.bytes) }),
  });
  response.end(method === "HEAD" ? undefined : stored.bytes);
}

/** The other hosts of a registry, by the name `localhost`: its store, its web pages. */
export function sendElsewhere(
  { content }: FakeRegistry,
  { url = "", headers }: IncomingMessage,
  response: ServerResponse,
) {
  const stored = content.get(url.replace("/store/", ""));
  if (!url.startsWith("/store/")) response.writeHead(429, { "retry-after": "0" }).end("<html>");
  // S3: "Only one auth mechanism allowed".
  else if (headers.authorization)
    refuse(response, { status: 400, code: "InvalidArgument", message: "two logins" });
  else response.writeHead(stored ? 200 : 404).end(stored?.bytes);
}
