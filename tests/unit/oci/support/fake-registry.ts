/** A registry on a free loopback port whose answers a test can bend: `behaviour` makes it one that is out there. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../../../../oci/blob-digest.ts";
import type { Behaviour } from "./behaviour.ts";
import { isTurnedAway } from "./fake-access.ts";
import { send, sendElsewhere, sendReferrers, sendTags, storeManifest } from "./fake-answers.ts";
import { type FakeRegistry, REPOSITORY, refuse } from "./fake-state.ts";
import { beginUpload, continueUpload, isUpload, type Uploads } from "./fake-uploads.ts";

export { type FakeRegistry, REPOSITORY } from "./fake-state.ts";

async function answer(
  registry: FakeRegistry,
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  registry.requests.push(`${request.method} ${request.url}`);
  if (await registry.intercept?.(request, response)) return;
  // Whoever looks first may ask for something else.
  const { method = "", url = "" } = request;
  if (request.headers.host?.startsWith("localhost:")) return sendElsewhere(registry, request, response);
  if (await isTurnedAway(registry, request, response)) return;
  const key = decodeURIComponent(url).replace(`/v2/${REPOSITORY}/`, "");
  if (method === "DELETE")
    refuse(response, { status: 405, code: "UNSUPPORTED", message: "The operation is unsupported." });
  else if (method === "PUT" && key.startsWith("manifests/"))
    await storeManifest(registry, key, request, response);
  else if (method === "POST" && key.startsWith("blobs/uploads/")) beginUpload(registry, uploads, response);
  else if (isUpload(url)) await continueUpload(registry, uploads, request, response);
  else if (key.startsWith("tags/list")) sendTags(registry, url, response);
  else if (!(key.startsWith("referrers/") && sendReferrers(registry, key, response)))
    send(registry, key, method, response);
}

export async function startFakeRegistry(behaviour: Behaviour = {}): Promise<FakeRegistry> {
  const uploads: Uploads = new Map();
  const server = createServer((request, response) => answer(registry, uploads, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry: FakeRegistry = {
    host,
    name: host,
    behaviour,
    door: { tokens: new Map(), scopes: [], busy: [...(behaviour.access?.busy ?? [])] },
    content: new Map(),
    requests: [],
    begun: 0,
    blob(mediaType, bytes) {
      const digest = digestOf(bytes);
      this.content.set(`blobs/${digest}`, { mediaType, bytes });
      return { mediaType, digest, size: bytes.length };
    },
    manifest(tag, document) {
      const bytes = Buffer.from(JSON.stringify(document));
      const digest = digestOf(bytes);
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
