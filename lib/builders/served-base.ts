import { imageRepository, type RegistrySetting } from "../registry/registry-setting.ts";
import { type BuilderChoice, isFar, stackBuilders } from "./builder-setting.ts";

/**
 * The base image as the stack's builder gets it: one that was made here lies in the local registry, and a builder elsewhere
 * takes its copy in the stack's own. The digest is the same, so no key changes.
 */
export function servedBase(
  reference: string,
  config: BuilderChoice & { readonly registry: RegistrySetting },
  localAddress: string,
): string {
  const digest = reference.split("@")[1];
  if (!isFar(stackBuilders(config).default.setting) || digest === undefined) return reference;
  if (!reference.startsWith(`${localAddress}/`)) return reference;
  return `${imageRepository(config.registry, localAddress)}@${digest}`;
}
