import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { RegistrySetting } from "../registry/registry-setting.ts";

const address = z
  .string()
  .regex(/^tcp:\/\/(\[[0-9a-f:]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/, "expected tcp://host:port of a buildkitd");

/** A text in PEM, or the path of a file with it. */
const pem = z.string().min(1);

/** `{kind: remote, …}`: one buildkitd, or several that share the work, behind mutual TLS. */
export const remoteSetting = z.strictObject({
  kind: z.literal("remote"),
  address: z.union([address, z.array(address).min(1)]).transform((one) => [one].flat()),
  tls: z.strictObject({
    /** Of the authority that signed the builder's certificate. */
    ca: pem,
    /** What the builder knows its clients by. */
    cert: pem,
    /** Its key: a path, or encrypted in the stack's file. */
    key: pem,
    /** The name in the builder's certificate, where it is not that of the address. */
    serverName: z.string().min(1).optional(),
  }),
  /** Seconds without an answer after which it is taken for gone. */
  patience: z.int().min(2).max(40).default(30),
});

export type RemoteSetting = z.output<typeof remoteSetting>;

/** It finds itself on a loopback address of the registry, unless it is there too. */
export function remoteProblems(path: string, builder: RemoteSetting, registry: RegistrySetting): UserError[] {
  if (registry.kind !== "oci" || !isOwnHost(registry.address)) return [];
  if (builder.address.every((each) => isOwnHost(each.replace("tcp://", "")))) return [];
  return [loopbackRegistry(path, registry.address, builder.address.join(" and "))];
}

export function isOwnHost(host: string): boolean {
  return /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(`https://${host}`).hostname);
}

/** @param reacher what has to reach the registry */
export function loopbackRegistry(path: string, registry: string, reacher: string): UserError {
  return new UserError(
    "strata:registry",
    `${registry} is on a loopback address, where ${path} finds itself.`,
    `Set strata:registry to one that ${reacher} reaches (docs/registries.md).`,
  );
}
