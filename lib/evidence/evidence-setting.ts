import { z } from "zod";
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
  },
  checks: string,
): Pick<EvidenceTerms, "maxAgeDays" | "host"> & { readonly checks: string } {
  const { evidence, generation, host } = stack;
  return { ...evidence, checks, host: requiredHost(evidence, generation, kindOfHosts(host)) };
}

/**
 * Which host evidence has to come from. A stack without a GPU host can be promoted all the same, and its evidence says
 * plainly that it comes from the builder; as soon as it has one, only the GPU's word counts.
 *
 * @param hostKind where smoke tests run: `builder`, which has no GPU, or a kind that has one
 */
export function requiredHost(
  { host }: EvidenceSetting,
  generation: GenerationName,
  hostKind: string,
): "any" | "gpu" {
  return host ?? (generation !== "cpu" && hostKind !== "builder" ? "gpu" : "any");
}
