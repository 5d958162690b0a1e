/** Single stages of a real stack: built alone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readImage } from "../../oci/client.ts";
import { buildPart } from "../../tools/pulumi/build-part.ts";
import { outputsOf } from "../../tools/pulumi/planned.ts";
import { openTestStack, type TestStack, type Update } from "./support/stack.ts";

let stack: TestStack;
before(async () => {
  stack = await openTestStack();
  await stack.init();
});
after(() => stack?.close());

const build = (...names: string[]) => buildPart(stack.home, stack.stack, stack.plan(), names);
const exported = () =>
  outputsOf(stack.stack) as Promise<{ product?: string | null; stages?: Update["stages"] }>;
const resources = async () => {
  const { stdout } = await stack.pulumi("stack", "export");
  const { deployment } = JSON.parse(stdout) as { deployment: { resources: { urn: string; type: string }[] } };
  return deployment.resources
    .filter(({ type }) => type === "docker-build:index:Image")
    .map(({ urn }) => urn.split("::").at(-1))
    .sort();
};

test("in an empty stack a stage is built with its parents, and nothing else", async () => {
  assert.equal(await build("b"), 0);
  assert.deepEqual(await resources(), ["small-a", "small-b", "small-system"]);
  const { stages, product } = await exported();
  assert.equal(product, null);
  assert.deepEqual(Object.keys(stages ?? {}).sort(), ["a", "b", "system"]);
  const b = stack.plan().stages.find(({ name }) => name === "b");
  assert.equal((await readImage(`${stack.repository}:stage-b-${b?.key}`)).digest, stages?.b?.digest);
});

test("a whole update then finds it built", async () => {
  const update = await stack.up();
  assert.deepEqual(update.changed, { "small-c": "create", small: "create" });
});

test("a changed stage is built alone: the stack keeps the others, and the product as it was", async () => {
  const known = await exported();
  stack.edit("a/value", "2\n");
  assert.equal(await build("a"), 0);
  assert.deepEqual(await resources(), ["small", "small-a", "small-b", "small-c", "small-system"]);
  const now = await exported();
  assert.equal(now.product, known.product);
  assert.deepEqual({ ...now.stages, a: known.stages?.a }, known.stages);
  assert.notEqual(now.stages?.a?.digest, known.stages?.a?.digest);
  assert.deepEqual((await stack.up()).changed, { "small-b": "update", small: "update" });
});

test("a stage that fails leaves the outputs as they are", async () => {
  const known = await exported();
  stack.edit("c/Dockerfile", "FROM system\nRUN exit 3\n");
  assert.notEqual(await build("c"), 0);
  assert.deepEqual(await exported(), known);
  assert.deepEqual(await resources(), ["small", "small-a", "small-b", "small-c", "small-system"]);
});
