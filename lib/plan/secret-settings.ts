import { throwAll, UserError } from "../../errors.ts";
import type { HostSetting } from "../hosts/host-setting.ts";
import { clearPasswords } from "../registry/registry-setting.ts";
import type { Choices } from "./context.ts";

/** Settings that decide what stages are: their inputs are in the stack's outputs, in clear. */
const readable: readonly (keyof Choices | "base" | "tags")[] = [
  "recipe",
  "generation",
  "base",
  "python",
  "cuda",
  "llama",
  "attention",
  "wheels",
  "compile",
  "mirrors",
  "models",
  "compression",
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

/** Throws for passwords that are written down in clear. @param secretKeys settings of which a part is encrypted */
export function refuseClear(
  registries: Parameters<typeof clearPasswords>[0],
  secretKeys: readonly string[],
): void {
  throwAll("Pulumi stack configuration", clearPasswords(registries, settingNames(secretKeys)));
}

/** Throws where a key that opens a host lies in the stack's file in clear. */
export function requireSecrets(
  { host }: { readonly host: readonly HostSetting[] },
  secretKeys: readonly string[],
): void {
  if (settingNames(secretKeys).includes("host")) return;
  if (!host.some((setting) => setting.kind === "ssh" && setting.privateKey !== undefined)) return;
  throw new UserError(
    "strata:host.privateKey",
    "is not encrypted.",
    "Remove it, and set it again: pulumi config set --secret --path strata:host.privateKey < KEY",
  );
}

/** strata's settings among Pulumi's keys, which are `strata:host` or `strata:config:host`. */
function settingNames(keys: readonly string[]): string[] {
  return keys.flatMap((key) => /^strata:(?:config:)?(.+)$/.exec(key)?.[1] ?? []);
}
