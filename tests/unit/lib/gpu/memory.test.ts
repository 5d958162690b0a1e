/** Which hosts have the memory that an image's own workflows need. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { describeNeed, instancesWith, lacking, memoryNeed } from "../../../../lib/gpu/memory.ts";

const GIB = 2 ** 30;

/** The models of wan22's workflow of which the lock has the size; the two others are small. */
const wan22 = memoryNeed(
  (JSON.parse(readFileSync(join(repository, "locks/models.json"), "utf8")).models as { size: number }[]).map(
    ({ size }) => size,
  ),
);

test("the largest model has to fit onto a card, and all of them into a machine", () => {
  assert.deepEqual(memoryNeed([3 * GIB, 14 * GIB, GIB]), { gpu: 16 * GIB, ram: 18 * GIB });
  assert.equal(describeNeed(wan22), "a card of 17 GiB and 33 GiB of memory");
});

test("wan22 with its models is tested where it can be computed", () => {
  const types = (capability: Parameters<typeof instancesWith>[0]) =>
    instancesWith(capability, wan22).map(({ type }) => type);
  assert.deepEqual(types("7.5"), [], "a T4 has 16 GiB");
  assert.deepEqual(types("8.6"), ["g5.4xlarge"]);
  assert.deepEqual(types("8.9"), ["g6.4xlarge", "g6e.2xlarge"]);
  assert.deepEqual(types("9.0"), ["p5.4xlarge"]);
  assert.deepEqual(types("12.0"), ["g7e.2xlarge"]);
});

test("what is small enough, or has no models, is tested where it always was", () => {
  const ordinary = ["g6.xlarge", "g6.2xlarge", "g6e.xlarge"];
  assert.deepEqual(
    instancesWith("8.9", undefined).map(({ type }) => type),
    ordinary,
  );
  assert.deepEqual(
    instancesWith("8.9", { gpu: 24 * GIB, ram: 16 * GIB }).map(({ type }) => type),
    ordinary,
  );
  assert.deepEqual(
    instancesWith("8.9", { gpu: 8 * GIB, ram: 17 * GIB }).map(({ type }) => type),
    ["g6.2xlarge", "g6e.xlarge"],
  );
});

test("what a machine lacks is named", () => {
  const need = { gpu: 16 * GIB, ram: 32 * GIB };
  assert.equal(lacking(need, need), undefined);
  assert.match(lacking(need, { gpu: 15 * GIB, ram: 32 * GIB }) ?? "", /^has a card with 15\.0 GiB free; /);
  assert.match(
    lacking(need, { gpu: 15 * GIB, ram: 31 * GIB }) ?? "",
    /^has a card with 15\.0 GiB free and 31\.0 GiB of memory; the image's own workflow needs a card of 16 GiB and 32 GiB of memory$/,
  );
});
