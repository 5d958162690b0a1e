import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type Evidence, judge, summarise } from "../lib/evidence.ts";
import { parseTest } from "../lib/hosts/description.ts";
import { imageResults } from "../lib/image-results.ts";
import { parseReference } from "../lib/references.ts";
import { readImage } from "../oci/client.ts";
import { required } from "./environment.ts";
import { findEvidence, storeEvidence } from "./evidence/store.ts";
import { writeJson } from "./files.ts";
import { home } from "./home.ts";
import { testSomewhere } from "./hosts/attempts.ts";
import { openHosts } from "./hosts/open.ts";
import { deferInterrupts, main } from "./main.ts";
import { note } from "./progress.ts";

/** Evidence of this week, of another stack or a run whose state is lost, spares the test; it moves any tag. */
const REUSED_DAYS = 7;

/**
 * Runs the smoke checks in the product STRATA_REFERENCE, on the hosts that STRATA_TEST describes. Called by the component
 * SmokeTest: stdout is the evidence, stderr what people read. Exit code 1 is a failing check, or that no host could say
 * anything.
 */
await main(async () => {
  const reference = required("STRATA_REFERENCE");
  const { digest } = parseReference(reference);
  if (!digest) throw new UserError(reference, "has no digest.", "Evidence is about a digest: name one.");
  const checksKey = required("STRATA_CHECKS");
  const test = parseTest(required("STRATA_TEST"));
  const hostKinds = test.hosts.map(({ kind }) => kind);
  const known = process.env.STRATA_RETEST
    ? null
    : await findEvidence(reference, { checksKey, hostKinds, maxAgeDays: REUSED_DAYS });
  if (known) {
    note(`smoke test: passed on ${known.evidence.startedAt} (${known.digest}); make up RETEST=1 tests again`);
    process.stdout.write(JSON.stringify(known.evidence));
    return 0;
  }

  // What the registry tells already takes no host.
  const image = imageResults(await readImage(reference));
  if (judge(image) === "fail") {
    for (const { id, status, reason } of image) if (status === "fail") note(`fail ${id}: ${reason}`);
    return 1;
  }

  const keys: (string | null)[] = JSON.parse(process.env.STRATA_KEYS || "[]");
  const hosts = await openHosts(test.hosts, { home, builder: required("STRATA_BUILDER"), keys });

  const interrupt = new AbortController();
  const { tested, attempts } = await deferInterrupts(
    () => interrupt.abort(),
    () =>
      testSomewhere(
        hosts,
        {
          reference,
          computeCapabilities: test.computeCapabilities,
          minimumDriver: test.minimumDriver,
          signal: interrupt.signal,
        },
        test.budget,
      ),
  );
  if (!tested) {
    note("inconclusive: no host could test the image, which says nothing about it");
    for (const { host, reason } of attempts) note(`inconclusive ${host}: ${reason}`);
    return 1;
  }
  const { report, ...where } = tested;
  const checks = [...image, ...report.checks];
  const evidence: Evidence = {
    ...report,
    checks,
    verdict: judge(checks),
    digest,
    reference,
    recipe: required("STRATA_RECIPE"),
    generation: required("STRATA_GENERATION"),
    checksKey,
    ...where,
    attempts,
  };
  const kept = join(home.evidence, `${digest.replace(":", "-")}.json`);
  await mkdir(home.evidence, { recursive: true });
  await writeJson(kept, evidence);
  note(`evidence: stored with the image as ${await storeEvidence(evidence)}`);
  note(`smoke test: ${summarise(evidence)}`);
  if (evidence.verdict !== "pass") {
    // Pulumi shows the end of what a failed command wrote: what failed comes last, and nothing after it.
    note(`evidence: ${kept}`);
    for (const { host, reason } of attempts) note(`inconclusive ${host}: ${reason}`);
    for (const check of evidence.checks.filter(
      ({ status }) => status === "fail" || status === "inconclusive",
    )) {
      note(`${check.status} ${check.id}: ${[check.reason, check.output].filter(Boolean).join("\n")}`);
    }
    return 1;
  }
  process.stdout.write(JSON.stringify(evidence));
  return 0;
});
