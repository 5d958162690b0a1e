import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import type { Cause } from "../plan/stage-changes.ts";
import type { PlannedStack, StagePreview, Sum } from "./preview-schema.ts";

/** Hashes and commits cut to what tells them apart; everything else as it is. */
export function short(value: string): string {
  return value
    .replace(/\b(sha256:)?([0-9a-f]{12})[0-9a-f]{28,52}\b/g, (_, prefix = "", digits: string) =>
      prefix === "" ? digits.slice(0, 10) : `${prefix}${digits}…`,
    )
    .replace(/^(.{120}).{4,}$/s, "$1…");
}

/** A cause as one line: `file layers/torch/verify.py changed`, `package torch: 2.12.0 → 2.13.0`. */
export function causeText({ kind, name, before, after }: Cause): string {
  if (before === null) return `${kind} ${name} is new${shownValue(kind, after)}`;
  if (after === null) return `${kind} ${name} is gone${shownValue(kind, before)}`;
  if (isHash(kind)) return `${kind} ${name} changed`;
  return `${kind} ${name}: ${short(before)} → ${short(after)}`;
}

/** Hashes and keys say nothing to people; versions and arguments do. */
export function isHash(kind: string): boolean {
  return kind === "file" || kind === "parent" || kind === "checks";
}

/** A parent that is still one, with another key: the stage's own reasons are elsewhere. */
export function isConsequence({ kind, before, after }: Cause): boolean {
  return kind === "parent" && before !== null && after !== null;
}

function shownValue(kind: string, value: string | null): string {
  const isShown = ["package", "argument", "pin", "export"].includes(kind);
  return isShown ? ` (${short(value ?? "")})` : "";
}

/** `unchanged`, `1 new, 3 rebuilds`, `settings alone change`. */
export function verdictText({ verdict, counts, settings }: PlannedStack): string {
  if (verdict === "unchanged") return "unchanged";
  const parts = [
    [counts.create, counts.create === 1 ? "new stage" : "new stages"],
    [counts.rebuild, counts.rebuild === 1 ? "rebuild" : "rebuilds"],
    [counts.remove, "removed"],
  ] as const;
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`);
  if (settings.some(({ kind }) => kind === "registry")) said.push("every image goes to another repository");
  if (said.length === 0) return settings.length > 0 ? "no rebuild" : "unchanged";
  return `${verdict === "new" ? "first update: " : ""}${said.join(", ")}`;
}

/** `about 12m to 25m, 2.1 GB; no history for llama-cpp`; empty where nothing is built. */
export function expectedText({ longest, all, bytes, unknown, sure }: Sum): string {
  const parts: string[] = [];
  if (sure !== "none") {
    parts.push(`${sure === "low" ? "very roughly " : "about "}${span(longest, all)}`);
    if (bytes > 0) parts.push(prettyBytes(bytes));
  }
  const figures = parts.join(", ");
  if (unknown.length === 0) return figures;
  const silent = `no history for ${listed(unknown, 3)}`;
  return figures === "" ? silent : `${figures}; ${silent}`;
}

/** What a stage takes: `46s, 553 MB (3 builds)`. */
export function stageExpectation({ expected }: StagePreview): string {
  if (!expected) return "";
  if (expected.basis === "none" || expected.seconds === null) return "no history";
  if (expected.basis === "built") return "built already for another stack";
  if (expected.basis === "manifest") return "a manifest";
  const size = expected.bytes ? `, ${prettyBytes(expected.bytes)}` : "";
  const where = {
    key: "of this very key",
    generation: "",
    recipe: "of other generations",
    layer: "elsewhere",
  };
  const builds = [`${expected.builds} ${expected.builds === 1 ? "build" : "builds"}`, where[expected.basis]];
  return `${time(expected.seconds)}${size} (${builds.filter(Boolean).join(" ")})`;
}

/** `2.74 GB, was 2.71 GB (+31 MB)`; what is not known stays away. */
export function sizeText({ before, after, sure }: PlannedStack["size"]): string {
  if (after === null) return before === null ? "not known" : `was ${prettyBytes(before)}, then not known`;
  const now = `${sure === "high" ? "" : "about "}${prettyBytes(after)}`;
  if (before === null) return now;
  return after === before
    ? `${prettyBytes(before)}${sure === "high" ? "" : ", then about the same"}`
    : `${now} (${prettyBytes(after - before, { signed: true })})`;
}

/** `would save 248 MB of GPU code for other cards (torch, torchvision)`; empty where there is nothing to speak of. */
export function trimText({ trim, platform, test }: Pick<PlannedStack, "trim" | "platform" | "test">): string {
  if (!trim) return "";
  const forGpus = platform.computeCapabilities.length > 0;
  const code = `GPU code${forGpus ? " for other cards" : ""}`;
  const saved = `about ${prettyBytes(trim.bytes)} of ${code} (${listed(trim.packages, 4)})`;
  // A whole build ends without a tag otherwise, and only then says why.
  const unproved =
    forGpus && test?.kind === "builder" && !test.gpu ? "; no tag moves until a GPU host has tested it" : "";
  return trim.on ? `saves ${saved}${unproved}` : `strata:trim would save ${saved}; no GPU has proved it yet`;
}

/** `pass: 30 passed, 12 skipped (NVIDIA L4, driver 580.65.06)` */
export function evidenceText({ evidence }: Pick<PlannedStack, "evidence">): string {
  if (!evidence) return "none";
  const counts = (["passed", "failed", "skipped", "inconclusive"] as const)
    .filter((name) => evidence[name] > 0)
    .map((name) => `${evidence[name]} ${name}`);
  const place = evidence.gpu
    ? ` (${[evidence.gpu, evidence.driver && `driver ${evidence.driver}`].filter(Boolean).join(", ")})`
    : " (no GPU)";
  return `${evidence.verdict}: ${counts.join(", ")}${place}`;
}

/** `g6.xlarge in us-east-1, spot first, at most $0.80 an hour, about 20m: $0.27`; empty where no test is due. */
export function testText({ test }: Pick<PlannedStack, "test">): string {
  if (!test?.due) return "";
  const { instance, where, spot, dollarsPerHour, minutes, dollars, basis, runs, onEc2 } = test;
  const basisText = basis === "history" ? `${runs} ${runs === 1 ? "test" : "tests"}` : "an estimate";
  return [
    instance ? `${instance} in ${where}` : where,
    ...(test.kind === "builder" && !test.gpu ? ["no GPU"] : []),
    ...(spot ? ["spot first"] : []),
    ...(dollarsPerHour === null ? [] : [`${instance ? "at most " : ""}${money(dollarsPerHour)} an hour`]),
    ...(minutes === null ? [] : [`about ${time(minutes * 60)} (${basisText})`]),
    ...(dollars === null ? [] : [`${money(dollars)} of a budget of ${money(test.budget)}`]),
    ...(onEc2
      ? [
          `on EC2 it would be ${onEc2.instance}, at most ${money(onEc2.dollarsPerHour)} an hour, about ${time(onEc2.minutes * 60)}, ${money(onEc2.dollars)}`,
        ]
      : []),
  ].join(", ");
}

/** `r6a.24xlarge in us-east-1, spot first, at most $6.67 an hour, …, for flash-attn`; empty where none is rented. */
export function builderText({ builder }: Pick<PlannedStack, "builder">): string {
  if (!builder) return "";
  const { instance, where, spot, dollarsPerHour, minutes, dollars, budget, stages } = builder;
  return [
    `${instance} in ${where}`,
    ...(spot ? ["spot first"] : []),
    `at most ${money(dollarsPerHour)} an hour`,
    `about ${time(minutes * 60)} (an estimate)`,
    `${money(dollars)} of a budget of ${money(budget)}`,
    `for ${listed(stages, 4)}`,
  ].join(", ");
}

/** The same for a table: `g6.xlarge, 20m, $0.27`. */
export function testCell({ test }: Pick<PlannedStack, "test">): string {
  if (!test?.due) return "not due";
  const { instance, where, minutes, dollars } = test;
  return [
    instance ?? where,
    ...(minutes === null ? [] : [time(minutes * 60)]),
    ...(dollars === null ? [] : [money(dollars)]),
  ].join(", ");
}

/** US dollars to the cent. */
export function money(dollars: number): string {
  return `$${dollars.toFixed(2)}`;
}

/** `starter for ada (8.9), driver 580.65.06 or newer` */
export function platformText({ platform, before }: Pick<PlannedStack, "platform" | "before">): string {
  const capabilities = platform.computeCapabilities.join(", ");
  const was = (["recipe", "generation", "cuda", "minimumDriver"] as const)
    .filter((name) => before[name] !== undefined && before[name] !== platform[name])
    .map((name) => `${name === "minimumDriver" ? "driver" : name} ${before[name]}`);
  return [
    `${platform.recipe} for ${platform.generation}${capabilities && ` (${capabilities})`}`,
    `CUDA ${platform.cuda}, driver ${platform.minimumDriver} or newer`,
    ...(was.length > 0 ? [`before: ${was.join(", ")}`] : []),
  ].join("; ");
}

/** The first names, and how many more there are. */
export function listed(names: readonly string[], most: number): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

function span(from: number, to: number): string {
  return time(from) === time(to) ? time(to) : `${time(from)} to ${time(to)}`;
}

/** Seconds as people read them; below a minute to the second, above to the minute. */
export function time(seconds: number): string {
  if (seconds < 1) return "a moment";
  const rounded = seconds < 60 ? Math.round(seconds) : Math.round(seconds / 60) * 60;
  return prettyMs(rounded * 1_000, { secondsDecimalDigits: 0, unitCount: 2 });
}
