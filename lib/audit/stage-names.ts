/** Which stage each layer of an image is of. */
import { z } from "zod";
import type { AuditInput, Finding } from "./audit-schema.ts";
import { finding } from "./rules.ts";

/** Labels that a product image may carry for its audit. */
export const LABELS = {
  /** How many of the lowest layers belong to the `system` image. Default: those that `strata.layers` does not name. */
  systemLayers: "strata.system-layers",
  /** JSON list of stage names, lowest layer first: those above the system image; or one for each layer. */
  layers: "strata.layers",
  /** Most compressed bytes: `3.3 GB`. */
  sizeBudget: "strata.size-budget",
} as const;

/** Names from the label, otherwise from annotations, otherwise from the history. */
export function stageNames(
  input: AuditInput,
  systemLayers: number,
): { names: string[]; findings: Finding[] } {
  const steps = stepsOf(input);
  const fromHistory = (index: number) =>
    steps.length === input.layers.length ? shorten(steps[index]?.created_by ?? "") : "";
  const fallbackNames = input.layers.map(
    (layer, index) => layer.stage || (index < systemLayers && "system") || fromHistory(index) || "?",
  );
  const label = input.config.config?.Labels?.[LABELS.layers];
  if (label === undefined) return { names: fallbackNames, findings: [] };
  const named = parseNames(label);
  const joined = joinedStages(input);
  if (joined && named?.join() === [...new Set(joined.slice(systemLayers))].join()) {
    return { names: joined.map((name, index) => name ?? fallbackNames[index] ?? ""), findings: [] };
  }
  if (named?.length === input.layers.length) return { names: named, findings: [] };
  if (named?.length === input.layers.length - systemLayers) {
    return { names: [...fallbackNames.slice(0, systemLayers), ...named], findings: [] };
  }
  const detail = named
    ? `${LABELS.layers} names ${named.length} stages, the image has ${input.layers.length} layers`
    : `${LABELS.layers} is not a JSON list of names`;
  return { names: fallbackNames, findings: [finding("stage-names", null, null, detail)] };
}

function stepsOf({ config }: AuditInput) {
  return (config.history ?? []).filter(({ empty_layer }) => !empty_layer);
}

/** The stage of each layer as a product's history has it: a stage may have several. Of the system's layers there is none. */
function joinedStages(input: AuditInput): (string | undefined)[] | undefined {
  const stages = stepsOf(input).map(({ created_by = "" }) => /^strata: (.+)$/.exec(created_by)?.[1]);
  const isTold = stages.length === input.layers.length && stages.some((name) => name !== undefined);
  return isTold ? stages : undefined;
}

/** How many layers lie below those that the label names: the system image, of whatever base. */
export function layersBelow(label: string | undefined, input: AuditInput): number {
  const joined = joinedStages(input);
  if (label !== undefined && joined) return joined.findIndex((name) => name !== undefined);
  const { layers } = input;
  const named = label === undefined ? undefined : parseNames(label);
  return named && named.length < layers.length ? layers.length - named.length : 1;
}

function parseNames(label: string): string[] | undefined {
  try {
    return z.array(z.string()).parse(JSON.parse(label));
  } catch {
    return undefined;
  }
}

function shorten(step: string): string {
  return step
    .replace(/^\/bin\/sh -c (#\(nop\) )?/, "")
    .replace(/\s+/g, " ")
    .slice(0, 40);
}
