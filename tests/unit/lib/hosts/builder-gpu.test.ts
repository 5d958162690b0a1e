/** Words are BuildKit's own: solver/llbsolver, frontend/dockerfile and executor/oci of 0.31.1, and runc's. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { answerProblem, deviceProblem, gpuAmong, withDevice } from "../../../../lib/hosts/builder-gpu.ts";

test("all cards, else the first; other devices are none", () => {
  assert.deepEqual(gpuAmong(["nvidia.com/gpu=0", "nvidia.com/gpu=1", "nvidia.com/gpu=all"]), {
    device: "nvidia.com/gpu=all",
  });
  assert.deepEqual(gpuAmong(["a.com/nic=0", "nvidia.com/gpu=0", "nvidia.com/gpu=1"]), {
    device: "nvidia.com/gpu=0",
  });
  // One that BuildKit would set up by itself has no name.
  assert.match(
    gpuAmong(["nvidia.com/gpu", "a.com/nic=0"]).problem ?? "",
    /^it offers no GPU, only nvidia\.com\/gpu, a/,
  );
  assert.equal(gpuAmong([]).problem, "it offers no GPU");
});

test("whether Dockerfiles know devices: a frontend that looks for one does", () => {
  const said = (words: string) =>
    answerProblem(`#1 [internal] load\n#1 DONE 0.0s\nerror: failed to solve: ${words}\n`);
  assert.equal(said('required device "strata.invalid/none=none" is not registered'), undefined);
  for (const words of [
    "device feature is only supported in Dockerfile frontend 1.14.0-labs or later",
    "dockerfile parse error on line 2: unknown flag: device",
  ]) {
    const answer = said(words);
    assert.match(answer?.problem ?? "", /do not know `RUN --device`/);
    assert.match(
      answer?.problem === undefined ? "" : answer.remedy,
      /BuildKit 0\.34 .*strata:host\.frontend/,
    );
  }
  assert.match(
    said("no space left")?.problem ?? "",
    /cannot be told: error: failed to solve: no space left$/,
  );
  assert.match(answerProblem("")?.problem ?? "", /it said nothing$/);
});

test("a step that does not get its device says nothing about the image; any other failure does", () => {
  const told = (words: string) => deviceProblem(`#5 0.1 some line\nerror: failed to solve: ${words}`) ?? "";
  assert.match(
    told("device nvidia.com/gpu=all is requested by the build but not allowed"),
    /^the builder does not let a build have its GPU: error: .*not allowed$/,
  );
  assert.match(
    told("granting entitlement device is not allowed by build daemon configuration"),
    /no build have a device/,
  );
  assert.match(told('required device "nvidia.com/gpu=all" is not registered'), /has gone since/);
  for (const words of [
    "process … CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
    'failed to stat CDI host device "/dev/nvidia0": no such file or directory',
    "runc run failed: … error running createContainer hook #0: exit status 1",
    "nvidia-ctk: error: no such file",
  ])
    assert.match(told(words), /^the builder cannot give a step its GPU: /, words);
  assert.equal(told("401 Unauthorized"), "");
});

test("the checks' step alone gets the device, and the rest of the Dockerfile is as it was", () => {
  const own = readFileSync(join(repository, "smoke/Dockerfile"), "utf8");
  const made = withDevice(own, "nvidia.com/gpu=all");
  assert.match(
    made,
    /^RUN --network=none --device=nvidia\.com\/gpu=all,required --mount=type=bind,target=\/smoke \\$/m,
  );
  assert.equal(made.replace("--device=nvidia.com/gpu=all,required ", ""), own);
  assert.throws(() => withDevice("FROM a\nRUN true\n", "b.com/c=d"), /has not one step/);
});
