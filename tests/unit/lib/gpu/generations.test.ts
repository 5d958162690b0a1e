import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "compare-versions";
import { cudaVersions } from "../../../../lib/gpu/compatibility.ts";
import {
  cmakeCudaArchitectures,
  computeCapabilities,
  generation,
  generationNames,
  generationSources,
  minimumDriver,
} from "../../../../lib/gpu/generations.ts";
import { instancesFor, roomierInstances } from "../../../../lib/gpu/instances.ts";
import { EXPENSIVE_DOLLARS_PER_HOUR } from "../../../../lib/machines/rented.ts";

test("the generations share out the compute capabilities, and universal has all of them", () => {
  const single = generationNames.filter((name) => name !== "universal");
  assert.deepEqual(
    single.flatMap((name) => generation(name).computeCapabilities),
    computeCapabilities,
  );
  assert.deepEqual(generation("universal").computeCapabilities, computeCapabilities);
  assert.equal(
    cmakeCudaArchitectures(computeCapabilities),
    "75-real;80-real;86-real;89-real;90-real;100-real;120-real",
  );
});

test("every GPU generation is tested on a capability of its own that can be had with one card, for little money", () => {
  for (const name of generationNames) {
    const { testedOn, computeCapabilities: own } = generation(name);
    if (name === "cpu") {
      assert.equal(testedOn, null);
      continue;
    }
    assert.ok(testedOn && own.includes(testedOn), name);
    for (const { type, cards, dollarsPerHour } of instancesFor(testedOn)) {
      assert.equal(cards, 1, type);
      assert.ok(dollarsPerHour < EXPENSIVE_DOLLARS_PER_HOUR, type);
    }
  }
});

test("8.0 and 10.0 exist with several cards only, for tens of dollars an hour", () => {
  const dear = computeCapabilities.filter((capability) =>
    instancesFor(capability).every(
      ({ cards, dollarsPerHour }) => cards > 1 && dollarsPerHour > EXPENSIVE_DOLLARS_PER_HOUR,
    ),
  );
  assert.deepEqual(dear, ["8.0", "10.0"]);
});

test("the figures of instance types: a slip would cost money", () => {
  const all = computeCapabilities.flatMap((capability) =>
    [...instancesFor(capability), ...roomierInstances(capability)].map(
      ({ type, card, cards, memoryGiB, ramGiB, processors, diskGb, dollarsPerHour }) =>
        `${capability} ${type} ${cards}x ${card} ${memoryGiB} GiB, ${processors} vCPU, ${ramGiB} GiB, ${diskGb} GB, $${dollarsPerHour}`,
    ),
  );
  assert.deepEqual(all, [
    "7.5 g4dn.xlarge 1x T4 16 GiB, 4 vCPU, 16 GiB, 125 GB, $0.526",
    "7.5 g4dn.2xlarge 1x T4 16 GiB, 8 vCPU, 32 GiB, 225 GB, $0.752",
    "8.0 p4d.24xlarge 8x A100 40 GiB, 96 vCPU, 1152 GiB, 8000 GB, $21.957642",
    "8.0 p4de.24xlarge 8x A100 80 GiB, 96 vCPU, 1152 GiB, 8000 GB, $27.44705",
    "8.6 g5.xlarge 1x A10G 24 GiB, 4 vCPU, 16 GiB, 250 GB, $1.006",
    "8.6 g5.2xlarge 1x A10G 24 GiB, 8 vCPU, 32 GiB, 450 GB, $1.212",
    "8.6 g5.4xlarge 1x A10G 24 GiB, 16 vCPU, 64 GiB, 600 GB, $1.624",
    "8.9 g6.xlarge 1x L4 24 GiB, 4 vCPU, 16 GiB, 250 GB, $0.8048",
    "8.9 g6.2xlarge 1x L4 24 GiB, 8 vCPU, 32 GiB, 450 GB, $0.9776",
    "8.9 g6e.xlarge 1x L40S 48 GiB, 4 vCPU, 32 GiB, 250 GB, $1.861",
    "8.9 g6.4xlarge 1x L4 24 GiB, 16 vCPU, 64 GiB, 600 GB, $1.3232",
    "8.9 g6e.2xlarge 1x L40S 48 GiB, 8 vCPU, 64 GiB, 450 GB, $2.24208",
    "9.0 p5.4xlarge 1x H100 80 GiB, 16 vCPU, 256 GiB, 3800 GB, $6.88",
    "10.0 p6-b200.48xlarge 8x B200 183 GiB, 192 vCPU, 2048 GiB, 30400 GB, $113.9328",
    "12.0 g7e.2xlarge 1x RTX PRO 6000 96 GiB, 8 vCPU, 64 GiB, 1900 GB, $3.363",
    "12.0 g7.2xlarge 1x RTX PRO 4500 32 GiB, 8 vCPU, 32 GiB, 440 GB, $2.52",
  ]);
});

test("every fact has a source", () => {
  for (const [name, address] of Object.entries(generationSources)) assert.ok(URL.canParse(address), name);
});

test("the driver floor is the newer of what the cards and what CUDA needs", () => {
  for (const name of generationNames) {
    assert.equal(minimumDriver(name, "13.0"), "580.65.06", name);
    for (const cuda of cudaVersions) {
      assert.ok(compare(minimumDriver(name, cuda), generation(name).firstDriver, ">="), name);
    }
  }
  assert.equal(minimumDriver("blackwell", "12.8"), "570.26");
});

test("Turing gets no kernel that does not run there", () => {
  assert.deepEqual(generation("turing").attention, ["triton"]);
  assert.deepEqual(generation("ada").attention, ["triton", "sageattention"]);
});

test("drivers are compared number by number", () => {
  assert.ok(compare("580.65.06", "580.65.06", ">="));
  assert.ok(compare("580.105.08", "580.65.06", ">="));
  assert.ok(compare("595.45", "580.65.06", ">="));
  assert.ok(!compare("580.65", "580.65.06", ">="));
  assert.ok(!compare("575.57.08", "580.65.06", ">="));
  assert.ok(compare("570.26", "520.61.05", ">"));
});

test("what a generation is called, and its oldest driver: a wrong one refuses hosts that work", () => {
  const all = generationNames.map((name) => {
    const { cards, firstDriver } = generation(name);
    return `${name}: ${cards}; ${firstDriver}`;
  });
  assert.deepEqual(all, [
    "cpu: no GPU needed; 0",
    "turing: T4, RTX 20; 410.48",
    "ampere: A100, A10G, RTX 30; 455.23",
    "ada: L4, L40S, RTX 40; 520.61.05",
    "hopper: H100, H200; 520.61.05",
    "blackwell: B200, RTX PRO 6000, RTX 50; 570.26",
    "universal: every generation in one image; 570.26",
  ]);
});
