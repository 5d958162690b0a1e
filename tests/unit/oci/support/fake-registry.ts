/** A registry on a free loopback port whose answers a test can bend. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface Stored {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** By `manifests/<tag or digest>` and `blobs/<digest>`, below one repository: `team/image`. */
  readonly content: Map<string, Stored>;
  /** Every request, oldest first: `GET /v2/…`. */
  readonly requests: string[];
  /** Whether it has the referrers API, as the specification has it since 1.1. */
  hasReferrers: boolean;
  /**
   * Where it leads whoever asks for referrers, with 303, as GHCR does to
   * `https://github.com/-/v2/packages/container/package/…` (artifacthub/hub#4785, of 2026-04).
   */
  referrersElsewhere?: string;
  /**
   * Takes uploads as ECR does: 201 for a piece (regclient, scheme/reg/blob.go: "AWS ECR returns a 201"), and the body of
   * every later piece is dropped while `Range` stays (aws/containers-roadmap#2831).
   */
  isEcr: boolean;
  /** Hears how many bytes of an upload are there. */
  received?: (request: IncomingMessage, bytes: number) => void;
  /** Answers a request itself by returning true. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
  /** Stores bytes and returns what points at them. */
  blob(mediaType: string, bytes: Buffer): { mediaType: string; digest: string; size: number };
  /** Stores a manifest under its digest and a tag; returns what points at it. */
  manifest(tag: string, document: { mediaType: string }): { mediaType: string; digest: string; size: number };
  /** Stores an image with these layers. */
  image(
    tag: string,
    layers: { mediaType: string; bytes: Buffer }[],
    config?: object,
  ): { mediaType: string; digest: string; size: number };
}

export const REPOSITORY = "team/image";

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Takes a manifest under the name that it is put at, a tag or its digest, and answers with its digest. */
async function storeManifest(
  registry: FakeRegistry,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await buffer(request);
  const digest = digestOf(bytes);
  const stored = { mediaType: request.headers["content-type"] ?? "", bytes };
  registry.content.set(key, stored).set(`manifests/${digest}`, stored);
  const { subject } = JSON.parse(bytes.toString()) as { subject?: { digest: string } };
  response.writeHead(201, {
    "docker-content-digest": digest,
    ...(subject && registry.hasReferrers && { "oci-subject": subject.digest }),
  });
  response.end();
}

/** The manifests with this subject. */
function referrers(registry: FakeRegistry, subject: string): object {
  const manifests = [...registry.content].flatMap(([key, { mediaType, bytes }]) => {
    if (!key.startsWith("manifests/sha256:")) return [];
    const document = JSON.parse(bytes.toString());
    if (document.subject?.digest !== subject) return [];
    const { artifactType, annotations } = document;
    return [{ mediaType, digest: digestOf(bytes), size: bytes.length, artifactType, annotations }];
  });
  return { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
}

/** Uploads that were begun, with what came so far. Whoever comes later is the only one who writes. */
type Uploads = Map<string, { chunks: Buffer[]; length: number; writer: object }>;

/**
 * Takes a blob as registries do: a place for it is asked for first, bytes are sent there, and it is closed with its
 * digest. What a broken connection left counts.
 */
async function upload(
  registry: FakeRegistry,
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://registry");
  const id = pathname.split("/").at(-1) ?? "";
  const begun = uploads.get(id);
  if (!begun || searchParams.get("state") !== "begun") {
    response.writeHead(404).end();
    return;
  }
  begun.writer = request;
  const isDropped = registry.isEcr && begun.length > 0;
  const headers = () => ({
    location: `${pathname}?state=begun`,
    range: `0-${Math.max(0, begun.length - 1)}`,
  });
  if (request.method === "GET") {
    response.writeHead(204, headers()).end();
    return;
  }
  try {
    for await (const chunk of request) {
      if (begun.writer !== request) return;
      if (isDropped) continue;
      begun.chunks.push(chunk);
      begun.length += chunk.length;
      registry.received?.(request, begun.length);
    }
  } catch {
    return;
  }
  if (request.method === "PATCH") {
    response.writeHead(registry.isEcr ? 201 : 202, headers()).end();
    return;
  }
  const bytes = Buffer.concat(begun.chunks);
  uploads.delete(id);
  const digest = digestOf(bytes);
  const isRight = searchParams.get("digest") === digest;
  if (isRight) registry.content.set(`blobs/${digest}`, { mediaType: "application/octet-stream", bytes });
  response.writeHead(isRight ? 201 : 400);
  response.end();
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const uploads: Uploads = new Map();
  let begun = 0;
  const server = createServer(async (request, response) => {
    registry.requests.push(`${request.method} ${request.url}`);
    if (await registry.intercept?.(request, response)) return;
    const key = decodeURIComponent(request.url ?? "").replace(`/v2/${REPOSITORY}/`, "");
    if (request.method === "PUT" && key.startsWith("manifests/")) {
      await storeManifest(registry, key, request, response);
      return;
    }
    if (request.method === "POST" && key.startsWith("blobs/uploads/")) {
      uploads.set(String(++begun), { chunks: [], length: 0, writer: request });
      response.writeHead(202, { location: `/v2/${REPOSITORY}/blobs/uploads/${begun}?state=begun` });
      response.end();
      return;
    }
    if (key.startsWith("blobs/uploads/")) {
      await upload(registry, uploads, request, response);
      return;
    }
    if (registry.referrersElsewhere && key.startsWith("referrers/")) {
      response.writeHead(303, { location: registry.referrersElsewhere }).end();
      return;
    }
    if (registry.hasReferrers && key.startsWith("referrers/")) {
      response.writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json" });
      response.end(JSON.stringify(referrers(registry, key.replace(/^referrers\/|\?.*$/g, ""))));
      return;
    }
    if (key.startsWith("tags/list")) {
      const tags = [...registry.content.keys()]
        .filter((name) => name.startsWith("manifests/") && !name.includes("sha256:"))
        .map((name) => name.slice("manifests/".length));
      response.end(JSON.stringify({ name: REPOSITORY, tags }));
      return;
    }
    const stored = registry.content.get(key);
    if (!stored) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }));
      return;
    }
    response.writeHead(200, {
      "content-type": stored.mediaType,
      "content-length": stored.bytes.length,
      ...(key.startsWith("manifests/") && { "docker-content-digest": digestOf(stored.bytes) }),
    });
    response.end(request.method === "HEAD" ? undefined : stored.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    content: new Map(),
    requests: [],
    hasReferrers: false,
    isEcr: false,
    blob(mediaType, bytes) {
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      this.content.set(`blobs/${digest}`, { mediaType, bytes });
      return { mediaType, digest, size: bytes.length };
    },
    manifest(tag, document) {
      const bytes = Buffer.from(JSON.stringify(document));
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const stored = { mediaType: document.mediaType, bytes };
      this.content.set(`manifests/${tag}`, stored).set(`manifests/${digest}`, stored);
      return { mediaType: document.mediaType, digest, size: bytes.length };
    },
    image(tag, layers, config = { architecture: "amd64", os: "linux" }) {
      return this.manifest(tag, {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: this.blob("application/vnd.oci.image.config.v1+json", Buffer.from(JSON.stringify(config))),
        layers: layers.map(({ mediaType, bytes }) => this.blob(mediaType, bytes)),
      } as { mediaType: string });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;
}
