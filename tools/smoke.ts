import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { type Evidence, judge, parseRunReport, summarise } from "../lib/evidence.ts";
import { imageResults } from "../lib/image-results.ts";
import { parseReference } from "../lib/references.ts";
import { readImage } from "../oci/client.ts";
import { buildInBuilder } from "./builder.ts";
import { required } from "./environment.ts";
import { findEvidence, storeEvidence } from "./evidence/store.ts";
import { tail } from "./exec.ts";
import { writeJson } from "./files.ts";
import { home, repository } from "./home.ts";
import { main } from "./main.ts";
import { note } from "./progress.ts";

/** Times that BuildKit puts before a line of a step's output: `#7 12.3 `. */
const stepPrefix = /^#\d+ [0-9.]+ /;

/** Evidence of this week, of another stack or a run whose state is lost, spares the test; it moves any tag. */
const REUSED_DAYS = 7;

/**
 * Runs the smoke checks in the product STRATA_REFERENCE, inside the builder. Called by the component SmokeTest:
 * stdout is the evidence, stderr what people read; a failing check is exit code 1.
 */
await main(async () => {
  const reference = required("STRATA_REFERENCE");
  const { digest } = parseReference(reference);
  if (!digest) throw new UserError(reference, "has no digest.", "Evidence is about a digest: name one.");
  const checksKey = required("STRATA_CHECKS");
  const known = process.env.STRATA_RETEST
    ? null
    : await findEvidence(reference, { checksKey, hostKind: "builder", maxAgeDays: REUSED_DAYS });
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

  const output = await mkdtemp(join(tmpdir(), "strata-smoke-"));
  try {
    const result = await buildInBuilder(home, required("STRATA_BUILDER"), {
      folder: join(repository, "smoke"),
      images: { product: reference },
      // Checks run each time they are asked for: BuildKit must not answer from its cache.
      args: { RUN: new Date().toISOString() },
      output: `type=local,dest=${output}`,
      onLine: showCheck,
    });
    if (!result.ok) {
      throw new UserError(reference, `the smoke test could not run:\n${tail(result.all, 30)}`, "");
    }
    const findings = parseRunReport(await readFile(join(output, "evidence.json"), "utf8"), "smoke test");
    const checks = [...image, ...findings.checks];
    const evidence: Evidence = {
      ...findings,
      checks,
      verdict: judge(checks),
      digest,
      reference,
      recipe: required("STRATA_RECIPE"),
      generation: required("STRATA_GENERATION"),
      checksKey,
      host: { kind: "builder" },
      preparation: {},
      cost: null,
      attempts: [],
    };
    const kept = join(home.evidence, `${digest.replace(":", "-")}.json`);
    await mkdir(home.evidence, { recursive: true });
    await writeJson(kept, evidence);
    note(`evidence: stored with the image as ${await storeEvidence(evidence)}`);
    note(`smoke test: ${summarise(evidence)}`);
    if (evidence.verdict !== "pass") {
      // Pulumi shows the end of what a failed command wrote: what failed comes last, and nothing after it.
      note(`evidence: ${kept}`);
      for (const check of evidence.checks.filter(
        ({ status }) => status === "fail" || status === "inconclusive",
      )) {
        note(`${check.status} ${check.id}: ${[check.reason, check.output].filter(Boolean).join("\n")}`);
      }
      return 1;
    }
    process.stdout.write(JSON.stringify(evidence));
    return 0;
  } finally {
    await rm(output, { recursive: true, force: true });
  }
});

/** The checks' own lines, without BuildKit's. */
function showCheck(line: string): void {
  const text = line.replace(stepPrefix, "");
  if (text !== line) note(text);
}
