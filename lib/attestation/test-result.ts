import { z } from "zod";
import type { Evidence } from "../evidence/evidence.ts";
import { predicateTypes, type Statement, statementAbout } from "./statement.ts";

/** https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md */
const results = { pass: "PASSED", fail: "FAILED", inconclusive: "WARNED" } as const;

/** The name under which a test result refers to the artifact that holds the evidence whole. */
const EVIDENCE = "evidence";

/**
 * Evidence as others' policies ask for it. The evidence itself stays what decides: its artifact is named by digest.
 *
 * @param artifact digest of the evidence in the registry
 */
export function testResult(evidence: Evidence, artifact: string): Statement {
  const named = (outcome: string) =>
    evidence.checks.filter(({ status }) => status === outcome).map(({ id }) => id);
  const { verdict, checksKey, host, gpu, startedAt } = evidence;
  return statementAbout(evidence.recipe, evidence.digest, predicateTypes.evidence, {
    result: results[verdict],
    configuration: [
      {
        name: EVIDENCE,
        digest: { sha256: artifact.replace("sha256:", "") },
        mediaType: `application/vnd.strata.evidence.v${evidence.schema}+json`,
        annotations: {
          checks: checksKey,
          host: host.kind,
          startedAt,
          ...(gpu && { gpu: gpu.name, driver: gpu.driver }),
        },
      },
    ],
    passedTests: named("pass"),
    warnedTests: named("inconclusive"),
    failedTests: named("fail"),
    // Beside what the format asks for: a check that could not run here is none that passed.
    skippedTests: named("skip"),
  });
}

const predicate = z.looseObject({
  result: z.string(),
  configuration: z.array(
    z.looseObject({ name: z.string(), digest: z.record(z.string(), z.string()).optional() }),
  ),
});

/** Whether a test result says that the image passed, by the evidence that lies in the registry as `artifact`. */
export function isPassBy(statement: Statement, artifact: string): boolean {
  const { result, configuration } = predicate.safeParse(statement.predicate).data ?? { configuration: [] };
  return (
    result === results.pass &&
    configuration.some(({ name, digest }) => name === EVIDENCE && `sha256:${digest?.sha256}` === artifact)
  );
}
