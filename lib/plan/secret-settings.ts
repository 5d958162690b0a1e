import { throwAll, UserError } from "../../errors.ts";
import type { SignSetting } from "../attestation/trust-setting.ts";
import { keysOfBuilders } from "../builders/builder-problems.ts";
import type { BuilderChoice } from "../builders/builder-setting.ts";
import type { HostSetting } from "../hosts/host-setting.ts";
import { clearPasswords } from "../registry/registry-setting.ts";
import type { Choices } from "./context.ts";

/** Settings that decide what stages are: their inputs are in the stack's outputs, in clear. */
const readable: readonly (keyof Choices | "base" | "comfyui" | "tags")[] = [
  "recipe",
  "generation",
  "base",
  "buildTools",
  "python",
  "cuda",
  "llama",
  "attention",
  "wheels",
  "comfyui",
  "compile",
  "cloudflared",
  "cpython",
  "tensorrt",
  "mirrors",
  "models",
  "door",
  "compression",
  "trim",
  "tags",
];

/** Throws for settings that are encrypted although their values are shown. */
export function refuseSecrets(secretKeys: readonly string[]): void {
  const secret = settingNames(secretKeys);
  throwAll(
    "Pulumi stack configuration",
    readable
      .filter((name) => secret.includes(name))
      .map(
        (name) =>
          new UserError(
            `strata:${name}`,
            "is a secret, but becomes part of images and of the stack's outputs.",
            "Set it in clear.",
          ),
      ),
  );
}

/** Throws for passwords that are written down in clear. @param encrypted settings, or the part of them that is */
export function refuseClear(
  registries: Parameters<typeof clearPasswords>[0],
  encrypted: readonly string[],
): void {
  throwAll("Pulumi stack configuration", clearPasswords(registries, isEncrypted(encrypted)));
}

/** Throws where a key that opens a host or a builder, or signs, lies in the stack's file in clear. */
export function requireSecrets(
  {
    host,
    sign,
    builder = "strata",
    builders = {},
  }: {
    readonly host: readonly HostSetting[];
    readonly sign?: SignSetting | undefined;
  } & Partial<BuilderChoice>,
  encrypted: readonly string[],
): void {
  const isSecret = isEncrypted(encrypted);
  const keys = keysOfBuilders({ builder, builders }).filter((place) => !isSecret(place));
  const signs = sign?.kind === "key" && "key" in sign && !isSecret("sign.key") ? ["sign.key"] : [];
  const hosts = host.flatMap((setting, index) => {
    if (setting.kind !== "ssh" || setting.privateKey === undefined) return [];
    // One host alone may stand without a list.
    const places = [`host.${index}`, ...(host.length === 1 ? ["host"] : [])];
    if (places.some((place) => isSecret(`${place}.privateKey`))) return [];
    return [`${host.length === 1 ? "host" : `host.${index}`}.privateKey`];
  });
  throwAll(
    "Pulumi stack configuration",
    [...hosts, ...signs, ...keys].map(
      (place) =>
        new UserError(
          `strata:${place}`,
          "is not encrypted.",
          `Remove it, and set it again: pulumi config set --secret --path 'strata:${place.replace(/\.(\d+)\./, "[$1].")}' < KEY`,
        ),
    ),
  );
}

/** Tells whether a place in strata's settings is encrypted, by itself or with what it is a part of. */
function isEncrypted(encrypted: readonly string[]): (place: string) => boolean {
  const places = strataPlaces(encrypted);
  return (place) => places.some((secret) => place === secret || place.startsWith(`${secret}.`));
}

/** The settings of which a part is encrypted. */
function settingNames(encrypted: readonly string[]): string[] {
  return strataPlaces(encrypted).flatMap((place) => place.split(".")[0] ?? []);
}

/** strata's settings among Pulumi's keys, which are `strata:host` or `strata:config:host`. */
function strataPlaces(keys: readonly string[]): string[] {
  return keys.flatMap((key) => /^strata:(?:config:)?(.+)$/.exec(key)?.[1] ?? []);
}
