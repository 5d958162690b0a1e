import { z } from "zod";
import { Transport } from "../../oci/access/transport.ts";
import { digestOfTag, tagManifest } from "../../oci/write/tag.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const digests = z.record(z.string(), z.string());

/**
 * Makes each tag of STRATA_DIGESTS (JSON, digests by tag) point at its digest in STRATA_REPOSITORY. Called by the
 * component KeptStages.
 */
await main(async () => {
  const repository = required("STRATA_REPOSITORY");
  const transport = new Transport();
  let moved = 0;
  for (const [tag, digest] of Object.entries(digests.parse(JSON.parse(required("STRATA_DIGESTS"))))) {
    if ((await digestOfTag(`${repository}:${tag}`, transport)) === digest) continue;
    await tagManifest(`${repository}@${digest}`, tag, transport);
    moved++;
  }
  note(`stages in use: ${moved} of their tags moved`);
  return 0;
});
