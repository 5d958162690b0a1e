import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../../config.ts";
import { compilersOn, instancesFitting, knownInstance } from "../../../../lib/builders/aws-instances.ts";
import { longestRent } from "../../../../lib/builders/aws-setting.ts";

const parse = (heavy: object, more: Record<string, unknown> = {}) =>
  parseConfig({
    "strata:registry": JSON.stringify({ kind: "ghcr", owner: "acme", repository: "strata" }),
    "strata:builders": JSON.stringify({ heavy: { kind: "aws", region: "us-east-1", ...heavy } }),
    ...Object.fromEntries(
      Object.entries(more).map(([key, value]) => [`strata:${key}`, JSON.stringify(value)]),
    ),
  });

const nvcc = [{ weight: { compilerMemory: 5e9 } }, { weight: { compilerMemory: 2e9 } }];

test("a type fits where as many compilers have a processor and their memory; dear ones are not asked for", () => {
  const known = (type: string) => knownInstance(type) ?? assert.fail(type);
  // 96 processors beside 376 GiB are 80 compilers of 5 GB; beside 760 GiB, 96.
  assert.equal(compilersOn(known("m7i.24xlarge"), nvcc), 80);
  assert.equal(compilersOn(known("r7i.24xlarge"), nvcc), 96);
  const fitting = instancesFitting(96, nvcc);
  assert.ok(fitting.every((instance) => compilersOn(instance, nvcc) >= 96));
  assert.deepEqual(
    fitting.map(({ dollarsPerHour }) => dollarsPerHour),
    fitting.map(({ dollarsPerHour }) => dollarsPerHour).toSorted((a, b) => a - b),
  );
  assert.ok((fitting.at(-1)?.dollarsPerHour ?? 0) <= 1.25 * (fitting[0]?.dollarsPerHour ?? 0));
  // Lighter compilers need less memory, and cost less.
  assert.match(instancesFitting(96, [{ weight: { compilerMemory: 2e9 } }])[0]?.type ?? "", /^m6a\.24xlarge$/);
});

test("prices are those of karpenter's table", () => {
  for (const [type, dollars] of Object.entries({
    "m6a.48xlarge": 8.2944,
    "m7a.24xlarge": 5.5642,
    "r6a.24xlarge": 5.4432,
    "r7i.48xlarge": 12.7008,
    "r8i.32xlarge": 8.8909,
    "r7a.16xlarge": 4.8688,
  })) {
    assert.equal(knownInstance(type)?.dollarsPerHour, dollars, type);
  }
});

test("what cannot be is refused in the preview", () => {
  parse({});
  assert.throws(
    () => parse({}, { registry: { kind: "local", repository: "strata" } }),
    /strata:registry: is the local one, .* Set strata:registry to one that an instance in us-east-1 reaches/,
  );
  assert.throws(
    () => parse({}, { registry: { kind: "oci", address: "127.0.0.1:5000", repository: "a" } }),
    /127\.0\.0\.1:5000 is on a loopback address, where strata:builders\.heavy finds itself/,
  );
  assert.throws(
    () => parse({}, { builder: { kind: "aws", region: "us-east-1" } }),
    /strata:builder: is an instance that is started for heavy stages .* Say it in strata:builders\.heavy/,
  );
  assert.throws(
    () => parse({ instances: ["g6.xlarge"] }),
    /instances: g6\.xlarge is not known as one to build on/,
  );
  assert.throws(
    () => parse({}, { budget: { dollars: 2 } }),
    /heavy stages on r6a\.24xlarge take about 30 minutes, \$2\.72; the budget is \$2\.00/,
  );
  const dear = { instances: ["r7i.48xlarge"], prices: { "r7i.48xlarge": 25 } };
  assert.throws(
    () => parse(dear, { budget: { dollars: 50 } }),
    /costs \$25\.00 an hour, and nobody has said yes/,
  );
  parse({ ...dear, allowExpensive: true }, { budget: { dollars: 50 } });
});

test("a builder is there for its minutes, and no longer than the money lasts at the dearest type's price", () => {
  const instances = [{ dollarsPerHour: 5 }, { dollarsPerHour: 10 }];
  assert.equal(longestRent({ minutes: 120, instances }, 5), 30 * 60_000);
  assert.equal(longestRent({ minutes: 20, instances }, 5), 20 * 60_000);
});
