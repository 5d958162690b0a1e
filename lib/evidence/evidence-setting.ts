import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { GenerationName } from "../gpu/generations.ts";
import { type HostSetting, kindOfHosts } from "../hosts/host-setting.ts";
import type { EvidenceTerms } from "./evidence-terms.ts";

/** `strata:evidence`: what a tag asks of the evidence that moves it. */
export const evidenceSetting = z
  .strictObject({
    /** Days after which evidence no longer moves a tag. */
    maxAgeDays: z.number().positive().max(3650).default(30),
    /** @default `gpu` where the stack has a GPU to test on and is built for one, else `any` */
    host: z.enum(["any", "gpu"]).optional(),
  })
  .default({ maxAgeDays: 30 });

export type EvidenceSetting = z.output<typeof evidenceSetting>;

/** What a stack's tags ask of evidence. @param checks hash of the checks that it has to be by */
export function promotionTerms(
  stack: {
    readonly evidence: EvidenceSetting;
    readonly generation: GenerationName;
    readonly host: readonly HostSetting[];
    readonly trim?: boolean;
  },
  checks: string,
): Pick<EvidenceTerms, "maxAgeDays" | "host"> & { readonly checks: string } {
  const { evidence, generation, host, trim } = stack;
  return { ...evidence, checks, host: requiredHost(evidence, generation, kindOfHosts(host), trim) };
}

/**
 * Which host evidence has to come from. A stack without a GPU host can be promoted all the same, and its evidence says
 * plainly that it comes from the builder; as soon as it has one, only the GPU's word counts. Of an image that lacks code for
 * other cards nobody else can tell that nothing is missing.
 *
 * @param hostKind where smoke tests run (`kindOfHosts`): `builder`, which has no GPU, or what has one
 * @param trim whether packages lose GPU code
 */
export function requiredHost(
  { host }: EvidenceSetting,
  generation: GenerationName,
  hostKind: string,
  trim = false,
): "any" | "gpu" {
  return host ?? (generation !== "cpu" && (trim || hostKind !== "builder") ? "gpu" : "any");
}

/** A stack that trims, and would take anybody's word for it. */
export function trimProblems({
  evidence,
  generation,
  trim,
}: Pick<Parameters<typeof promotionTerms>[0], "evidence" | "generation" | "trim">): UserError[] {
  if (!trim || generation === "cpu" || evidence.host !== "any") return [];
  return [
    new UserError(
      "strata:evidence.host",
      "is any, and an image without code for other cards gets its tags by a GPU's word alone.",
      "Remove it and name a strata:host with a GPU (docs/hosts.md), or set strata:trim to false.",
    ),
  ];
}
