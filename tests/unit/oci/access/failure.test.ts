import assert from "node:assert/strict";
import { test } from "node:test";
import { failure } from "../../../../oci/access/failure.ts";

const away = { registry: "r.invalid", repository: "a/b", tag: "t" };
const here = { ...away, registry: "localhost:5000" };
const answer = (status: number, body: string | object = "") => ({
  status,
  headers: new Headers(),
  async *chunks() {},
  bytes: async () => Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
});
const told = async (status: number, reference = away) =>
  (await failure(reference, answer(status), "x")).remedy;

test("each refusal says what to do about it, here and elsewhere", async () => {
  for (const status of [401, 403]) assert.match(await told(status), /docker login r\.invalid/, `${status}`);
  assert.match(await told(404), /may see this repository/);
  assert.match(await told(404, here), /make up/);
  assert.match(await told(429), /limits requests/);
  for (const status of [500, 503]) {
    assert.match(await told(status), /a problem of its own/, `${status}`);
    assert.match(await told(status, here), /make down/, `${status}`);
  }
  for (const status of [400, 402, 405, 499])
    assert.match(await told(status, here), /is a container registry/, `${status}`);
});

test("the registry's own words are shown: the first error of its JSON, shortened", async () => {
  const problem = async (body: string | object) =>
    (await failure(away, answer(400, body), "manifest")).problem;
  const plain = "registry r.invalid answered 400 for the manifest.";
  for (const body of ["", "<html>", "null", {}, { errors: [] }]) assert.equal(await problem(body), plain);
  const errors = [{ code: "DENIED", message: "not yours" }, { code: "OTHER" }];
  assert.match(await problem({ errors }), / \(DENIED: not yours\)\.$/);
  assert.match(await problem({ errors: [{ message: "odd" }] }), / \(error: odd\)\.$/);
  assert.match(await problem({ errors: [{ code: "C" }] }), / \(C: \)\.$/);
  assert.match(await problem({ errors: [{ code: "C", message: "m".repeat(500) }] }), / \(C: m{197}\)\.$/);
  assert.equal((await failure(away, answer(400), "manifest")).path, "r.invalid/a/b:t");
});

test("a tag that may not move, and a repository that is not there, are told as that", async () => {
  const said = async (status: number, code: string, message: string, reference = away) =>
    (await failure(reference, answer(status, { errors: [{ code, message }] }), "tag")).remedy;
  const ecr =
    "The image tag 't' already exists in the 'b' repository and cannot be overwritten because the tag is immutable.";
  assert.match(await said(400, "TAG_INVALID", ecr), /have to be mutable there/);
  const harbor = "Failed to process request due to 'a/b:t' configured as immutable.";
  assert.match(await said(412, "PRECONDITION", harbor), /have to be mutable there/);
  const absent = "The repository with name 'b' does not exist in the registry with id '123456789012'";
  assert.match(await said(404, "NAME_UNKNOWN", absent), /no such repository at r\.invalid, .*create: true/);
  assert.match(await said(404, "NAME_UNKNOWN", absent, here), /make up/);
  assert.match(await said(404, "MANIFEST_UNKNOWN", "no repository"), /may see this repository/);
});
