import assert from "node:assert/strict";
import { test } from "node:test";
import { SPDX_TYPE } from "../../../../../lib/attestation/statement.ts";
import { vulnerabilitiesSetting } from "../../../../../lib/vulnerabilities/vulnerability-gate.ts";
import { attachDocument } from "../../../../../tools/attestation/attach.ts";
import { gateWarning } from "../../../../../tools/commands/rollback/gate-warning.ts";
import { startFakeOsv } from "../../../../support/fake-osv.ts";
import { wheelRecord } from "../../../../support/osv-records.ts";
import { sampleBill } from "../../../../support/sample-bill.ts";
import { quickTransport } from "../../../oci/support/transport.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { promoting } from "../../promotion/support/promoting.ts";

test("after a rollback the gate says what no update would promote; without one, or where all is well, nothing", async (t) => {
  const { reference, image } = await promoting(t);
  const osv = await startFakeOsv({ "pkg:pypi/pillow@9.0": ["GHSA-a"] }, [
    wheelRecord("GHSA-a", "pillow", "10.0", { aliases: ["CVE-2026-1"] }),
  ]);
  t.after(() => osv.stop());
  const attach = (to: string, version: string) =>
    attachDocument(to, { type: SPDX_TYPE, text: sampleBill({ pillow: version }) }, quickTransport());
  await attach(reference, "9.0");
  const clean = (await image("clean")).reference;
  await attach(clean, "10.0");
  const bare = (await image("bare")).reference;
  const home = { vulnerabilities: temporaryFolder(t) };
  const warning = (of: string, setting: object, address = osv.address) =>
    gateWarning(home, of, vulnerabilitiesSetting.parse(setting), quickTransport(), {
      STRATA_OSV_ADDRESS: address,
    });
  assert.match(
    (await warning(reference, { gate: "high" })) ?? "",
    /no update would move a tag there: .*CVE-2026-1 \(critical\) in pillow 9\.0, fixed in 10\.0$/s,
  );
  assert.equal(await warning(reference, {}), undefined);
  assert.equal(await warning(clean, { gate: "low" }), undefined);
  assert.match((await warning(bare, { gate: "low" })) ?? "", /has no bill of materials beside it/);
  assert.match((await warning(clean, { gate: "low" }, "http://127.0.0.1:9")) ?? "", /cannot be reached/);
});
