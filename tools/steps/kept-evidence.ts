import { Transport } from "../../oci/access/transport.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { keepAllEvidence } from "../promotion/keep-all-evidence.ts";

/** Gives all evidence in STRATA_REPOSITORY a tag, and what it is about. Called by the component KeptEvidence. */
await main(async () => {
  const kept = await keepAllEvidence(required("STRATA_REPOSITORY"), new Transport());
  note(`evidence, and images that it is about: ${kept} have a tag that keeps them`);
  return 0;
});
