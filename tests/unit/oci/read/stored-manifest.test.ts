import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { z } from "zod";
import { checkDocument, parseJson, readManifest } from "../../../../oci/read/stored-manifest.ts";
import { parseReference } from "../../../../oci/references.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** A registry that has `text` under every name, and says of it what the headers say. */
async function holding(text: string, headers: Record<string, string> = {}) {
  const registry = await startFakeRegistry();
  const accepted: (string | undefined)[] = [];
  registry.intercept = ({ headers: asked }, response) => {
    accepted.push(asked.accept);
    response.writeHead(200, headers).end(text);
    return true;
  };
  const reference = parseReference(`${registry.host}/${REPOSITORY}:one`);
  return {
    accepted,
    read: (name: string) => readManifest(quickTransport(), reference, name),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}
const digest = (text: string, algorithm = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(text).digest("hex")}`;

test("a manifest is what the bytes say, and the header's type counts where they say none", async () => {
  const text = JSON.stringify({ mediaType: INDEX, a: 1 });
  await using registry = await holding(text, { "content-type": "text/plain" });
  assert.deepEqual(await registry.read("one"), {
    digest: digest(text),
    mediaType: INDEX,
    bytes: Buffer.from(text),
    document: { mediaType: INDEX, a: 1 },
  });
  for (const type of [INDEX, "application/vnd.docker.distribution.manifest.v2+json"])
    assert.ok(registry.accepted[0]?.split(", ").includes(type), type);
  await using typed = await holding('{"mediaType":1}', { "content-type": "text/plain" });
  assert.equal((await typed.read("one")).mediaType, "text/plain");
  await using bare = await holding("null");
  assert.deepEqual([(await bare.read("one")).mediaType, (await bare.read("one")).document], ["", null]);
  await using page = await holding("<html>");
  assert.equal((await page.read("one")).document, undefined);
});

test("its digest is checked by the name, else by what the registry says, each in its own algorithm", async () => {
  await using plain = await holding("{}");
  for (const algorithm of ["sha256", "sha512"]) {
    assert.equal((await plain.read(digest("{}", algorithm))).digest, digest("{}", algorithm));
    await assert.rejects(plain.read(digest("[]", algorithm)), /has the digest sha.*, not sha/);
  }
  await using lying = await holding("{}", { "docker-content-digest": digest("[]") });
  await assert.rejects(lying.read("one"), /has the digest sha256:.*, not sha256:/);
  // A name that is a digest decides: what the registry says beside it is another matter.
  assert.equal((await lying.read(digest("{}"))).digest, digest("{}"));
  await using other = await holding("{}", { "docker-content-digest": digest("{}", "sha512") });
  assert.equal((await other.read("one")).digest, digest("{}"));
});

test("documents that are none are told of", () => {
  assert.deepEqual(parseJson(Buffer.from('{"ä":1}')), { ä: 1 });
  assert.equal(parseJson(Buffer.from("{")), undefined);
  const reference = parseReference("r.invalid/a:t");
  const schema = z.object({ size: z.number() });
  assert.deepEqual(checkDocument(schema, { size: 1 }, reference, "list"), { size: 1 });
  assert.throws(
    () => checkDocument(schema, {}, reference, "list"),
    /^UserError: r\.invalid\/a:t: the list from r\.i/,
  );
});
