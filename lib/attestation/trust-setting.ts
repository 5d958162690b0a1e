import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { verifyingKey } from "./sigstore-bundle.ts";
import { predicateNames } from "./statement.ts";

/** `strata:sign`: what signs that which is stated of a product. */
export const signSetting = z.union([
  z.strictObject({
    kind: z.literal("key"),
    /** A private key in PEM; a secret of the stack. */
    key: z.string().min(1),
  }),
  z.strictObject({
    kind: z.literal("key"),
    /** A file with it, from the project's folder on; it is in no state. */
    file: z.string().min(1),
  }),
]);
export type SignSetting = z.infer<typeof signSetting>;

/** `strata:trust`: what has to be signed, and by whom, before a tag moves. */
export const trustSetting = z.strictObject({
  /** Public keys in PEM; each of them will do. */
  keys: z.array(z.string().min(1)).min(1),
  /** What has to be there. @default all */
  predicates: z
    .array(z.enum(predicateNames))
    .min(1)
    .default([...predicateNames]),
});
export type TrustSetting = z.infer<typeof trustSetting>;

/** The keys of `strata:trust`; throws for the first that is none. */
export function trustedKeys({ keys }: Pick<TrustSetting, "keys">): KeyObject[] {
  return keys.map((pem, index) => verifyingKey(pem, `strata:trust.keys[${index}]`));
}
