import { UserError } from "../../errors.ts";
import { home } from "../../home.ts";
import { type CheckResult, judge, summarise } from "../../lib/evidence/check-results.ts";
import type { Evidence, RunReport } from "../../lib/evidence/evidence.ts";
import { imageResults, refusedRun } from "../../lib/evidence/image-results.ts";
import { shownOpinion } from "../../lib/evidence/second-opinion.ts";
import {
  type HostDescription,
  needsGpu,
  parseTest,
  type TestDescription,
} from "../../lib/hosts/description.ts";
import { compressionOf } from "../../oci/manifest.ts";
import { readImage } from "../../oci/read/image.ts";
import { parseReference } from "../../oci/references.ts";
import { type Outcome, testSomewhere } from "../hosts/attempts.ts";
import { openTestHosts } from "../hosts/open-test-hosts.ts";
import { readSuspects, rememberSuspects, suspectsLast } from "../hosts/suspects.ts";
import { addToHistory } from "../preview/history-file.ts";
import { required } from "../program/environment.ts";
import { deferInterrupts, main } from "../program/main.ts";
import { note } from "../program/progress.ts";
import { findEvidence, type StoredEvidence } from "../promotion/evidence-store.ts";
import { keepEvidence, putEvidenceBack } from "../promotion/own-evidence.ts";

/** Evidence of this week, of another stack or a run whose state is lost, spares the test; it moves any tag. */
const REUSED_DAYS = 7;

/** Milliseconds between looks at whether whoever waits for this is there. */
const WATCH_MS = 200;

/**
 * Runs the smoke checks in the product STRATA_REFERENCE, on the hosts that STRATA_TEST describes. Called by the component
 * SmokeTest: stdout is the evidence, stderr what people read. Exit code 1 is a failing check, or that no host could say
 * anything.
 */
await main(async () => {
  const reference = required("STRATA_REFERENCE");
  const { digest, registry } = parseReference(reference);
  if (!digest) throw new UserError(reference, "has no digest.", "Evidence is about a digest: name one.");
  const test = parseTest(required("STRATA_TEST"));
  const checksKey = required("STRATA_CHECKS");
  await putEvidenceBack(home, reference);
  const earlierEvidence = process.env.STRATA_RETEST ? null : await earlier(reference, checksKey, test.hosts);
  if (earlierEvidence) {
    note(
      `smoke test: passed on ${earlierEvidence.evidence.startedAt} (${earlierEvidence.digest}); make up RETEST=1 tests again`,
    );
    process.stdout.write(JSON.stringify(earlierEvidence.evidence));
    return 0;
  }

  const described = await readImage(reference);
  const image = imageResults(described, registry);
  if (judge(image) === "fail") return await refuseImage(reference, registry, image);

  const hasZstd = described.layers.some(({ mediaType }) => compressionOf(mediaType) === "zstd");
  const outcome = await testOnHosts(reference, test, hasZstd);
  const { tested, seconds, attempts, secondOpinion } = outcome;
  if (!tested) {
    note("inconclusive: no host could test the image, which says nothing about it");
    printAttempts(outcome);
    return 1;
  }
  const { report, ...where } = tested;
  const checks = [...image, ...report.checks];
  const evidence = evidenceOf(
    reference,
    { ...report, checks, verdict: judge(checks) },
    { ...where, attempts, ...(secondOpinion && { secondOpinion }) },
  );
  const kept = await keepEvidence(home, evidence);
  await keepHistory(evidence, seconds / 60);
  printSummary(evidence);
  if (evidence.verdict !== "pass") {
    // Pulumi shows the end of what a failed command wrote: what failed comes last, and nothing after it.
    note(`evidence: ${kept}`);
    printAttempts(outcome);
    printFailures(evidence);
    return 1;
  }
  process.stdout.write(JSON.stringify(evidence));
  return 0;
});

/** Stores why an image is not run, and says it. */
async function refuseImage(
  reference: string,
  registry: string,
  image: readonly CheckResult[],
): Promise<number> {
  const where = { host: { kind: "registry", name: registry }, preparation: {}, cost: null } as const;
  const evidence = evidenceOf(reference, refusedRun(image, new Date().toISOString()), {
    ...where,
    attempts: [],
  });
  await keepEvidence(home, evidence);
  for (const { id, status, reason } of image) if (status === "fail") note(`fail ${id}: ${reason}`);
  return 1;
}

function evidenceOf(
  reference: string,
  report: RunReport,
  where: Pick<Evidence, "host" | "preparation" | "cost" | "attempts" | "secondOpinion">,
): Evidence {
  return {
    ...report,
    digest: parseReference(reference).digest ?? "",
    reference,
    recipe: required("STRATA_RECIPE"),
    generation: required("STRATA_GENERATION"),
    checksKey: required("STRATA_CHECKS"),
    ...where,
  };
}

/** Asks the hosts one after the other; Ctrl-C ends the one that tests. */
async function testOnHosts(
  reference: string,
  { hosts, computeCapabilities, minimumDriver, memory, budget }: TestDescription,
  hasZstd: boolean,
): Promise<Outcome> {
  const keys: (string | null)[] = JSON.parse(process.env.STRATA_KEYS || "[]");
  const all = await openTestHosts(hosts, { home, builder: required("STRATA_BUILDER"), keys });
  const opened = suspectsLast(all, await readSuspects(home));
  const interrupt = new AbortController();
  const order = { reference, computeCapabilities, minimumDriver, memory, hasZstd, signal: interrupt.signal };
  // Pulumi's official command provider kills the shell that started this, and nobody else.
  const parent = process.ppid;
  const watch = setInterval(() => process.ppid !== parent && interrupt.abort(), WATCH_MS).unref();
  const outcome = await deferInterrupts(
    () => interrupt.abort(),
    () => testSomewhere(opened, order, budget),
  );
  clearInterval(watch);
  await rememberSuspects(home, parseReference(reference).digest ?? "", outcome);
  return outcome;
}

function printSummary(evidence: Evidence): void {
  const { secondOpinion: second } = evidence;
  note(`smoke test: ${summarise(evidence)}${second ? `; ${shownOpinion(second)}` : ""}`);
}

function printAttempts({ attempts, secondOpinion }: Outcome): void {
  for (const { host, reason } of attempts)
    note(`${host === secondOpinion?.machine ? "fail" : "inconclusive"} ${host}: ${reason}`);
}

function printFailures({ checks }: Evidence): void {
  for (const { id, status, reason, output } of checks) {
    if (status !== "fail" && status !== "inconclusive") continue;
    note(`${status} ${id}: ${[reason, output].filter(Boolean).join("\n")}`);
  }
}

/** Evidence that any host of a kind that would be asked has left; null where somebody has to be asked. */
async function earlier(
  reference: string,
  checksKey: string,
  hosts: readonly HostDescription[],
): Promise<StoredEvidence | null> {
  const hostKinds = hosts.map(({ kind }) => kind);
  const host = hosts.every(needsGpu) ? "gpu" : "any";
  return await findEvidence(reference, { checksKey, hostKinds, host, maxAgeDays: REUSED_DAYS });
}

/** What a preview expects of the next test rests on this. */
async function keepHistory({ recipe, generation, host }: Evidence, minutes: number): Promise<void> {
  const instance =
    host.kind === "aws" ? host.instanceType : host.kind === "builder" ? (host.device ?? null) : null;
  const at = new Date().toISOString();
  await addToHistory(
    home,
    [],
    [{ recipe, generation, kind: host.kind, instance, minutes: Math.round(minutes * 100) / 100, at }],
  );
}
