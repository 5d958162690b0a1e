import { z } from "zod";

export const checkResult = z.strictObject({
  /** Number and name of the check, then of its step: `30-torch.matmul-cpu`. */
  id: z.string().regex(/^\d\d-[a-z0-9-]+(\.[A-Za-z0-9_-]+)?$/, "expected such as 30-torch.matmul-cpu"),
  title: z.string().min(1),
  /** A skip is not a pass; inconclusive means that something prevented the test. */
  status: z.enum(["pass", "fail", "skip", "inconclusive"]),
  /** Why it is not a pass, or what was seen. */
  reason: z.string().optional(),
  seconds: z.number().nonnegative(),
  /** The end of what the check wrote, for failures. */
  output: z.string().optional(),
});

/** One finding of the smoke test. */
export type CheckResult = z.infer<typeof checkResult>;

/**
 * The checks that every image has to pass: `00-image` of lib/evidence/image-results.ts, and those of `smoke/checks`, where files
 * with NEEDS are due for some images only.
 */
export const completeRun: readonly string[] = [
  "00-image",
  "10-imports",
  "15-environment",
  "20-libraries",
  "25-driver",
  "30-torch",
  "40-attention",
  "50-services",
  "60-stop",
  "95-memory",
];

/** A check that takes the place of others, which do not exist for its images: WITHOUT in `smoke/checks`. */
const inPlaceOf: Readonly<Record<string, readonly string[]>> = { "85-instance": ["50-services", "60-stop"] };

/** The checks of which the evidence says nothing: it proves an image only when there are none. */
export function absentChecks(evidence: {
  readonly checks: readonly CheckResult[];
  readonly due: readonly string[];
}): string[] {
  const replaced = evidence.due.flatMap((id) => inPlaceOf[id] ?? []);
  const needed = [...new Set([...completeRun, ...evidence.due])].filter((id) => !replaced.includes(id));
  return needed.filter((id) => !evidence.checks.some((check) => check.id.split(".")[0] === id));
}

/** What a run of the checks says about an image. */
export type Verdict = "pass" | "fail" | "inconclusive";

/** The verdict that follows from the results, by the rule that `smoke/lib/evidence.py` applies. */
export function judge(checks: readonly CheckResult[]): Verdict {
  const statuses = new Set(checks.map((check) => check.status));
  if (statuses.has("fail")) return "fail";
  return statuses.has("pass") && !statuses.has("inconclusive") ? "pass" : "inconclusive";
}

/** `14 passed, 0 failed, 3 skipped`; inconclusive results are named when there are any. */
export function summarise(evidence: { readonly checks: readonly CheckResult[] }): string {
  const count = (status: CheckResult["status"]) =>
    evidence.checks.filter((check) => check.status === status).length;
  const words = [`${count("pass")} passed`, `${count("fail")} failed`, `${count("skip")} skipped`];
  if (count("inconclusive") > 0) words.push(`${count("inconclusive")} inconclusive`);
  return words.join(", ");
}
