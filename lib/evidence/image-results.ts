import type { AuditConfig } from "../audit/audit-schema.ts";
import { checkLimits } from "../audit/image-limits.ts";
import { zstdEnginesText } from "../registry/compression.ts";
import { parseSize } from "../size.ts";
import { type CheckResult, completeRun, judge } from "./check-results.ts";
import type { RunReport } from "./evidence.ts";

/** The first check, which needs no host: its results are in evidence beside those of `smoke/checks`. */
export const imageCheck = "00-image";

/** An image as its registry describes it; sizes are compressed bytes. */
export interface DescribedImage {
  readonly config: AuditConfig;
  readonly layers: readonly { readonly size: number; readonly mediaType?: string }[];
  /** Of all layers and the configuration. */
  readonly bytes: number;
}

/**
 * What can be said of an image before any host pulls it. An image for another processor, or one that is too large, would
 * cost a host's time first, and end as the host's trouble.
 *
 * @param registry the one that the image lies in, whose limits count
 */
export function imageResults({ config, layers, bytes }: DescribedImage, registry: string): CheckResult[] {
  const labels = config.config?.Labels ?? {};
  const findings = checkLimits(
    config,
    layers.map(({ size }) => ({ bytes: size })),
    registry,
  );
  const problemsOf = (...codes: string[]) =>
    findings.filter(({ code }) => codes.includes(code)).map(({ layer, detail }) => problem(layer, detail));
  return [
    result("platform", "the image is for linux/amd64", problemsOf("platform")),
    result("layers", "registries and engines take its layers", problemsOf("layer-size", "layer-count")),
    enginesResult(labels["strata.compression"], layers),
    result("size", "it is as small as its recipe promises", overBudget(labels["strata.size-budget"], bytes)),
    result("driver", "it says which driver it needs", withoutDriver(labels)),
  ];
}

/** The report of an image that is refused before any host is asked. */
export function refusedRun(checks: readonly CheckResult[], startedAt: string): RunReport {
  return {
    schema: 3,
    verdict: judge(checks),
    startedAt,
    seconds: 0,
    due: [...completeRun],
    checks: [...checks],
    versions: {},
    gpu: null,
    measurements: {},
  };
}

function result(step: string, title: string, problems: readonly string[]): CheckResult {
  return {
    id: `${imageCheck}.${step}`,
    title,
    status: problems.length > 0 ? "fail" : "pass",
    seconds: 0,
    ...(problems.length > 0 ? { reason: problems.join("; ") } : {}),
  };
}

/** Which engines can unpack it: an old one pulls all of it first, and then speaks of a tar header. */
function enginesResult(promised: string | undefined, layers: DescribedImage["layers"]): CheckResult {
  const needs = layers.flatMap(({ mediaType = "" }, index) =>
    mediaType.endsWith("zstd") ? [index + 1] : [],
  );
  if (needs.length === 0) return result("engines", "every engine reads its layers", []);
  const broken =
    promised === "gzip" ? [`layers ${needs.join(", ")} are packed with zstd, gzip was asked for`] : [];
  return result("engines", `${zstdEnginesText}, or newer, reads its layers (zstd)`, broken);
}

function problem(layer: number | null, detail: string): string {
  return layer === null ? detail : `layer ${layer}: ${detail}`;
}

function overBudget(budget: string | undefined, bytes: number): string[] {
  if (budget === undefined) return ["it has no label strata.size-budget"];
  return bytes > parseSize(budget, "label strata.size-budget")
    ? [`${bytes} bytes compressed, ${budget} are allowed`]
    : [];
}

/** Hosts are chosen by these labels: without them an old driver shows itself only when the image runs. */
function withoutDriver(labels: Readonly<Record<string, string>>): string[] {
  const capabilities = labels["strata.compute-capabilities"];
  if (capabilities === undefined) return ["it has no label strata.compute-capabilities"];
  const driver = labels["strata.minimum-driver"];
  if (capabilities === "" || /^\d+(\.\d+)+$/.test(driver ?? "")) return [];
  return [`label strata.minimum-driver: expected a version such as 580.65.06, got "${driver ?? ""}"`];
}
