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

/** Takes a manifest under the name that it is put at, a tag or its digest, and answers with its digest. */
async function storeManifest(
  content: Map<string, Stored>,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await buffer(request);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const stored = { mediaType: request.headers["content-type"] ?? "", bytes };
  content.set(key, stored).set(`manifests/${digest}`, stored);
  response.writeHead(201, { "docker-content-digest": digest });
  response.end();
}

/** Takes a blob as registries do: a place for it is asked for first, then it is put there with its digest. */
async function storeBlob(
  content: Map<string, Stored>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = await buffer(request);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const { searchParams } = new URL(request.url ?? "", "http://registry");
  const isRight = searchParams.get("digest") === digest && searchParams.get("state") === "begun";
  if (isRight) content.set(`blobs/${digest}`, { mediaType: "application/octet-stream", bytes });
  response.writeHead(isRight ? 201 : 400);
  response.end();
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const server = createServer(async (request, response) => {
    registry.requests.push(`${request.method} ${request.url}`);
    if (await registry.intercept?.(request, response)) return;
    const key = decodeURIComponent(request.url ?? "").replace(`/v2/${REPOSITORY}/`, "");
    if (request.method === "PUT" && key.startsWith("manifests/")) {
      await storeManifest(registry.content, key, request, response);
      return;
    }
    if (request.method === "POST" && key === "blobs/uploads/") {
      response.writeHead(202, { location: `/v2/${REPOSITORY}/blobs/uploads/1?state=begun` });
      response.end();
      return;
    }
    if (request.method === "PUT" && key.startsWith("blobs/uploads/")) {
      await storeBlob(registry.content, request, response);
      return;
    }
    const stored = registry.content.get(key);
    if (!stored) {
      response.writeHead(404, { "content-type": "application/json" });
      response.end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }));
      return;
    }
    response.writeHead(200, { "content-type": stored.mediaType, "content-length": stored.bytes.length });
    response.end(request.method === "HEAD" ? undefined : stored.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    content: new Map(),
    requests: [],
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
