import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { KeptStages } from "../../../components/kept-stages.ts";
import { record } from "../../support/mocks.ts";

const command = "command:local:Command";
const args = {
  repository: "reg.example/strata",
  stack: "dev",
  stages: { a: { digest: pulumi.output("sha256:1") } },
};

test("kept stages are one command, which runs again when a digest changes", async () => {
  for (const preview of [true, false]) {
    const { registrations } = await record(() => new KeptStages("starter-kept", args), { preview });
    const digests = '{"keep-dev-a":"sha256:1"}';
    assert.deepEqual(registrations, [
      { type: "strata:index:KeptStages", name: "starter-kept", inputs: {}, parent: undefined },
      {
        type: command,
        name: "starter-kept",
        parent: "starter-kept",
        inputs: {
          create: "node tools/steps/kept-stages.ts",
          environment: { STRATA_REPOSITORY: args.repository, STRATA_DIGESTS: digests },
          triggers: [args.repository, digests],
          addPreviousOutputInEnv: false,
          logging: "stderr",
        },
      },
    ]);
  }
});
