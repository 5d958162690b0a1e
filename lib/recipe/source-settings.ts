import { z } from "zod";
import { attentionKernels } from "../gpu/compatibility.ts";
import { redact } from "../redact.ts";

/** Git addresses become part of stages, and everybody may read those. */
const openAddress = z
  .string()
  .refine(
    (address) => redact(address) === address,
    "expected an address without a login or token; give those to git on the builder",
  );

/** `strata:mirrors`: prefixes of addresses, and what replaces them. */
export const mirrorsSetting = z.record(z.string(), openAddress);

/** `strata:llama`: whether an image has llama.cpp, and which source it is compiled from. */
export const llamaSetting = z.strictObject({
  enabled: z.boolean().default(true),
  source: z.enum(["sdist", "git"]).default("sdist"),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}$/, "expected a full commit of 40 hex digits")
    .optional(),
  vmm: z.boolean().default(true),
});

/** `strata:wheels`: kernels that the stack brings itself. */
export const wheelsSetting = z.partialRecord(
  // Which Triton belongs to a torch, torch says.
  z.enum(attentionKernels).exclude(["triton"]),
  z.strictObject({
    url: openAddress.regex(/^https?:\/\/\S+$/, "expected the address of a wheel"),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a sha256 of 64 hex digits"),
    version: z.string().min(1),
  }),
);
