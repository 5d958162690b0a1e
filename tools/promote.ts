import { text } from "node:stream/consumers";
import { UserError } from "../errors.ts";
import { absentChecks, parseEvidence } from "../lib/evidence.ts";
import { parseReference } from "../lib/references.ts";
import { tagManifest } from "../oci/tag.ts";
import { required } from "./environment.ts";
import { main } from "./main.ts";
import { note } from "./progress.ts";

/**
 * Makes STRATA_TAGS (separated by spaces) point at STRATA_REFERENCE, if the evidence on stdin is a pass for exactly
 * this digest. Called by the component Promotion; prints each moved tag.
 */
await main(async () => {
  const reference = required("STRATA_REFERENCE");
  // Empty is a stack that wants no tags.
  const tags = process.env.STRATA_TAGS === "" ? [] : required("STRATA_TAGS").split(" ");
  const evidence = parseEvidence(await text(process.stdin), "standard input");
  const { digest } = parseReference(reference);
  if (evidence.digest !== digest) {
    throw new UserError(reference, `the evidence is about ${evidence.digest}.`, "Tags stay. Run `make up`.");
  }
  if (evidence.verdict !== "pass") {
    throw new UserError(reference, `the evidence says ${evidence.verdict}.`, "Tags stay. Mend the image.");
  }
  const absent = absentChecks(evidence);
  if (absent.length > 0) {
    throw new UserError(reference, `the evidence lacks ${absent.join(", ")}.`, "Tags stay. Run `make up`.");
  }
  for (const tag of tags) {
    const moved = await tagManifest(reference, tag);
    note(`${moved} is ${digest}`);
    process.stdout.write(`${moved}\n`);
  }
  return 0;
});
