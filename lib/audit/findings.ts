/**
 * The audit of a product image: whether the invariants on paths, bytes, secrets and modes hold. Pure: it is given the
 * listings of the layers and returns a report.
 */
import { UserError } from "../../errors.ts";
import { parseSize } from "../size.ts";
import type { AuditInput, AuditLayer, AuditReport, Finding } from "./audit-schema.ts";
import { findCopies } from "./content.ts";
import { checkConfig } from "./image-config.ts";
import { checkLimits } from "./image-limits.ts";
import { mergeLayers } from "./layers.ts";
import { checkEntries } from "./permissions.ts";
import { publishedSecret } from "./published-secrets.ts";
import { finding } from "./rules.ts";
import { LABELS, layersBelow, stageNames } from "./stage-names.ts";

export { parseSize } from "../size.ts";
export { AuditReport, Entry, Finding, LISTING_VERSION, Listing } from "./audit-schema.ts";
export { RULES } from "./rules.ts";
export { LABELS } from "./stage-names.ts";

/** @throws UserError when a label of the image cannot be understood, or there are fewer layers than system layers. */
export function audit(input: AuditInput): AuditReport {
  const labels = input.config.config?.Labels ?? {};
  const systemLayers =
    input.systemLayers ??
    parseCount(labels[LABELS.systemLayers]) ??
    layersBelow(labels[LABELS.layers], input);
  if (systemLayers > input.layers.length) {
    throw new UserError(
      input.reference,
      `has ${input.layers.length} layers, fewer than the ${systemLayers} that are said to be the system image.`,
      `Give --system-layers, or mend the label ${LABELS.systemLayers}.`,
    );
  }
  const budgetLabel = labels[LABELS.sizeBudget];
  const budgetBytes =
    input.budgetBytes ?? (budgetLabel ? parseSize(budgetLabel, `label ${LABELS.sizeBudget}`) : null);
  const { names, findings: nameFindings } = stageNames(input, systemLayers);
  const layers = input.layers.map((layer, index) => ({ ...layer, stage: names[index] ?? "" }));

  const { tree, findings: overlaps } = mergeLayers(layers, systemLayers);
  const findings = [
    ...overlaps,
    ...findCopies(layers),
    ...layers.flatMap(findSecrets),
    ...checkConfig(input.config, input.hostPaths ?? [], tree),
    ...checkEntries(layers, systemLayers, tree),
    ...checkSize(input, layers, budgetBytes),
    ...checkLimits(input.config, layers, input.reference.split("/")[0] ?? ""),
    ...nameFindings,
  ];
  return {
    version: 1,
    reference: input.reference,
    digest: input.digest,
    bytes: input.bytes,
    unpackedBytes: layers.reduce((sum, layer) => sum + unpacked(layer), 0),
    budgetBytes,
    systemLayers,
    layers: layers.map((layer, index) => ({
      number: index + 1,
      digest: layer.digest,
      stage: layer.stage,
      bytes: layer.bytes,
      unpackedBytes: unpacked(layer),
      files: layer.entries.filter(
        ({ type, path }) => (type === "file" || type === "hardlink") && !isWhiteout(path),
      ).length,
      system: index < systemLayers,
    })),
    largestLayer: largest(layers)?.number ?? null,
    duplicateBytes: findings
      .filter(({ code }) => code === "duplicate-path")
      .reduce((sum, { wastedBytes }) => sum + wastedBytes, 0),
    findings,
    verdict: findings.some(({ severity }) => severity === "broken") ? "broken" : "pass",
  };
}

function findSecrets(layer: AuditLayer, index: number): Finding[] {
  return layer.entries.flatMap(({ path, secrets }) =>
    (secrets ?? []).map((kind) => {
      const reason = publishedSecret(path, kind);
      return reason === undefined
        ? finding("secret", index + 1, `/${path}`, kind)
        : finding("secret", index + 1, `/${path}`, `${kind}, ${reason}`, { severity: "warning" });
    }),
  );
}

function checkSize(input: AuditInput, layers: readonly AuditLayer[], budgetBytes: number | null): Finding[] {
  if (budgetBytes === null || input.bytes <= budgetBytes) return [];
  const top = largest(layers);
  const detail = `${input.bytes} bytes compressed, ${input.bytes - budgetBytes} over the budget of ${budgetBytes}`;
  const most = top ? `; the largest layer is ${top.number} (${top.layer.stage}) with ${top.layer.bytes}` : "";
  return [finding("size-budget", null, null, detail + most)];
}

function parseCount(label: string | undefined): number | undefined {
  if (label === undefined) return undefined;
  if (/^[0-9]{1,4}$/.test(label)) return Number(label);
  throw new UserError(
    `label ${LABELS.systemLayers}`,
    `expected a number, got "${label}".`,
    "Give --system-layers.",
  );
}

function largest<L extends AuditLayer>(layers: readonly L[]): { number: number; layer: L } | undefined {
  return layers
    .map((layer, index) => ({ number: index + 1, layer }))
    .reduce<{ number: number; layer: L } | undefined>(
      (most, one) => (most && most.layer.bytes >= one.layer.bytes ? most : one),
      undefined,
    );
}

function unpacked({ entries }: AuditLayer): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}

function isWhiteout(path: string): boolean {
  return /(^|\/)\.wh\.[^/]+$/.test(path);
}
