import { text } from "node:stream/consumers";
import { Transport } from "../../oci/access/transport.ts";
import { main } from "../program/main.ts";
import { promote, promotionRequestFrom } from "../promotion/promote.ts";

/**
 * Makes STRATA_TAGS (separated by spaces) point at STRATA_REFERENCE, if the evidence on stdin is one that moves a tag
 * and the registry has it too. Called by the component Promotion; prints each tag that points there.
 */
await main(async () => {
  const order = promotionRequestFrom();
  await promote(order, await text(process.stdin), new Transport(), (name) =>
    process.stdout.write(`${name}\n`),
  );
  return 0;
});
