import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { verifyingKey } from "./sigstore-bundle.ts";
import { predicateNames } from "./statement.ts";

const address = z.url({ protocol: /^https?$/ });

/** Whoever has a token of an identity provider: Fulcio, Rekor and clocks of one's own, else the public ones. */
const keylessSetting = z.strictObject({
  kind: z.literal("keyless"),
  fulcio: address.optional(),
  rekor: address.optional(),
  /** Of an authority for timestamps (RFC 3161), beside the log's own. */
  timestamps: address.optional(),
});
export type KeylessSetting = z.infer<typeof keylessSetting>;

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
  z.strictObject({
    kind: z.literal("kms"),
    /** As cosign has it: a key of AWS by its id, alias or ARN. */
    uri: z
      .string()
      .regex(/^awskms:\/\/[^/]*\/.+$/, "expected awskms:///alias/NAME, awskms:///KEY-ID or awskms:///ARN"),
  }),
  keylessSetting,
]);
export type SignSetting = z.infer<typeof signSetting>;

/** `strata:trust`: what has to be signed, and by whom, before a tag moves. */
export const trustSetting = z
  .strictObject({
    /** Public keys in PEM; each of them will do. */
    keys: z.array(z.string().min(1)).default([]),
    /** Who signs without a key, as the certificate names them; `*` stands for any characters. */
    identities: z
      .array(z.strictObject({ identity: z.string().min(1), issuer: z.string().min(1) }))
      .default([]),
    /** A file with the authorities and logs of a Sigstore of one's own. @default the public one */
    root: z.string().min(1).optional(),
    /** What has to be there. @default all */
    predicates: z
      .array(z.enum(predicateNames))
      .min(1)
      .default([...predicateNames]),
  })
  .refine(({ keys, identities }) => keys.length + identities.length > 0, {
    message: "expected keys or identities: nobody is trusted otherwise",
  });
export type TrustSetting = z.infer<typeof trustSetting>;

/** The keys of `strata:trust`; throws for the first that is none. */
export function trustedKeys({ keys }: Pick<TrustSetting, "keys">): KeyObject[] {
  return keys.map((pem, index) => verifyingKey(pem, `strata:trust.keys[${index}]`));
}
