import { text } from "node:stream/consumers";
import { home } from "../../home.ts";
import { Transport } from "../../oci/access/transport.ts";
import { main } from "../program/main.ts";
import { promote, promotionRequestFrom } from "../promotion/promote.ts";
import { passGivenGate } from "../vulnerabilities/given-gate.ts";

/**
 * Makes STRATA_TAGS (separated by spaces) point at STRATA_REFERENCE, if the evidence on stdin is one that moves a tag
 * and the registry has it too, and if nothing is known against it that STRATA_GATE does not let pass. Called by the component Promotion; prints each tag that points there.
 */
await main(async () => {
  const order = promotionRequestFrom();
  const transport = new Transport();
  await passGivenGate(home, order.reference, transport);
  await promote(order, await text(process.stdin), transport, (name) => process.stdout.write(`${name}\n`));
  return 0;
});
