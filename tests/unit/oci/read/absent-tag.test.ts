/**
 * Registries that do not say 404 for a tag that is not there, as Artifactory: "403 … The client does not have permission for
 * manifest: Download request … is forbidden" for any tag that it lacks (sigstore/cosign#2973, go-containerregistry#1691).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listReferrers } from "../../../../oci/read/referrers.ts";
import { attachArtifact } from "../../../../oci/write/put-artifact.ts";
import { digestOfTag } from "../../../../oci/write/tag.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";
import { quickTransport } from "../support/transport.ts";

const manifests = `/v2/${REPOSITORY}/manifests/`;
const tagOf = (url = "") => (url.startsWith(manifests) ? url.slice(manifests.length) : undefined);
const where = (registry: FakeRegistry, tag: string) =>
  digestOfTag(`${registry.host}/${REPOSITORY}:${tag}`, quickTransport());

/** Answers `status` for tags of which `refuses` says so, and for the list of tags where it is `list`. */
function refusing(registry: FakeRegistry, refuses: (tag: string) => boolean, status = 403) {
  registry.intercept = ({ url, method }, response) => {
    const isList = url?.startsWith(`/v2/${REPOSITORY}/tags/list`);
    const tag = isList ? "list" : tagOf(url);
    if (!["GET", "HEAD"].includes(method ?? "") || tag === undefined || !refuses(tag)) return false;
    response.writeHead(status).end(method === "HEAD" ? undefined : '{"errors":[{"code":"UNAUTHORIZED"}]}');
    return true;
  };
}

test("a tag that a registry refuses as it refuses every tag that it lacks is not there", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", []);
  const lacks = (tag: string) => tag !== "list" && !registry.content.has(`manifests/${tag}`);
  for (const status of [403, 405, 501]) {
    refusing(registry, lacks, status);
    const unsaid: number[] = [];
    const reference = `${registry.host}/${REPOSITORY}:two`;
    assert.equal(await digestOfTag(reference, quickTransport(), (said) => unsaid.push(said)), undefined);
    assert.deepEqual(unsaid, [status], "somebody hears of it");
    assert.equal(await where(registry, "one"), digest);
  }
});

test("in a repository that is not there yet as well", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = ({ url }, response) => {
    response.writeHead(tagOf(url) === undefined ? 404 : 403).end();
    return true;
  };
  assert.equal(await where(registry, "one"), undefined);
});

test("one that is there and forbidden is no absent one", async () => {
  await using registry = await startFakeRegistry();
  registry.image("one", []);
  // Others are said to be absent, so 403 means what it says.
  refusing(registry, (tag) => tag === "one");
  await assert.rejects(where(registry, "one"), /answered 403 for the tag/);
  // All are refused alike, and the list has it.
  refusing(registry, (tag) => tag !== "list");
  await assert.rejects(where(registry, "one"), /answered 403 for the tag/);
});

test("where the list is refused too nobody can tell, and a wrong login or a page is no answer", async () => {
  await using registry = await startFakeRegistry();
  refusing(registry, () => true);
  await assert.rejects(where(registry, "one"), /answered 403 for the tag/);
  refusing(registry, () => true, 401);
  await assert.rejects(where(registry, "one"), /answered 401 for the tag/);
  registry.intercept = (_, response) => {
    response.writeHead(200, { "content-type": "text/html" }).end("<html>Welcome</html>");
    return true;
  };
  await assert.rejects(
    where(registry, "one"),
    /answered 200 for the tag, with something that is no manifest/,
  );
});

test("the list of what is attached begins anew only where it is not there", async () => {
  await using registry = await startFakeRegistry();
  const { digest } = registry.image("one", []);
  const reference = `${registry.host}/${REPOSITORY}@${digest}`;
  const attach = (text: string) =>
    attachArtifact(
      reference,
      { artifactType: "a/b", payload: { mediaType: "a/b", bytes: Buffer.from(text) }, annotations: {} },
      quickTransport(),
    );
  refusing(registry, (tag) => !registry.content.has(`manifests/${tag}`) && tag !== "list");
  const first = await attach("1");
  const second = await attach("2");
  const found = await listReferrers(reference, "a/b", quickTransport());
  assert.deepEqual(found.map((each) => each.digest).sort(), [first, second].sort());
  // Now it is there, and refused: nothing is written over it.
  const list = registry.content.get(`manifests/${digest.replace(":", "-")}`);
  refusing(registry, (tag) => tag.startsWith("sha256-") || tag.startsWith("none-"));
  await assert.rejects(attach("3"), /answered 403 for the list of what is attached/);
  assert.equal(registry.content.get(`manifests/${digest.replace(":", "-")}`), list);
});
