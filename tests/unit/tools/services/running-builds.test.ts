import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { refuseWhileBuilding } from "../../../../tools/services/running-builds.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const line = (record: object) => JSON.stringify({ type: 1, record: { Ref: "r", ...record } });
const ended = line({ CompletedAt: { seconds: 1_795_000_000 } });

test("who would end a build is told what to do; a builder that does not answer is replaced", async (t) => {
  const folder = temporaryFolder(t);
  await assert.rejects(
    refuseWhileBuilding([script(`${folder}/busy`, `echo '${line({})}'`)]),
    (error) => error instanceof UserError && /1 build of another run .*STRATA_HOME/s.test(error.message),
  );
  await refuseWhileBuilding([script(`${folder}/idle`, `echo '${ended}'`)]);
  await refuseWhileBuilding([script(`${folder}/broken`, "exit 1")]);
});
