import assert from "node:assert/strict";
import { test } from "node:test";
import { SPDX_TYPE } from "../../../../lib/attestation/statement.ts";
import type { SpdxDocument } from "../../../../lib/bill/spdx-document.ts";
import { listReferrers } from "../../../../oci/read/referrers.ts";
import { attachDocument, attachDocuments } from "../../../../tools/attestation/attach.ts";
import { newBill, storedBill } from "../../../../tools/attestation/stored-bill.ts";
import { sampleBill } from "../../../support/sample-bill.ts";
import { quickTransport } from "../../oci/support/transport.ts";
import { promoting } from "../promotion/support/promoting.ts";

const billWith = (version: string): SpdxDocument => JSON.parse(sampleBill({ pillow: version }));
const versionIn = ({ packages }: SpdxDocument) => packages.find(({ name }) => name === "pillow")?.versionInfo;

test("of several bills of one image the last one counts, in whatever order the registry lists them", async (t) => {
  const { reference } = await promoting(t);
  const transport = quickTransport();
  // As earlier versions did, without a time.
  await attachDocument(reference, { type: SPDX_TYPE, text: sampleBill({ pillow: "1.0" }) }, transport);
  const attached: string[] = [];
  const attachBill = async (bill: SpdxDocument) =>
    (await attachDocuments(reference, [await newBill(reference, bill, transport)], transport))[0] ?? "";
  for (const version of ["9.0", "10.0", "9.0"]) {
    attached.push(await attachBill(billWith(version)));
    assert.equal(versionIn(await storedBill(reference, transport)), version);
    // The next one has another time.
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(new Set(attached).size, 3);
  assert.equal(versionIn(await storedBill(reference, transport, [attached[1] ?? ""])), "10.0");
  const before = await listReferrers(reference, SPDX_TYPE, transport);
  assert.equal(await attachBill(billWith("9.0")), attached[2]);
  assert.deepEqual(await listReferrers(reference, SPDX_TYPE, transport), before);
});
