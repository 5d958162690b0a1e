import { UserError } from "../../errors.ts";
import type { CompatibilitySet } from "../gpu/compatibility.ts";
import { normaliseName } from "../locks/python-lock.ts";
import type { SourceLock } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";
import { type PinnedWheel, wheelFile } from "./kernels.ts";
import type { LayerContext, PinnedFile } from "./layer.ts";
import type { CloudflaredSetting, TensorRtSetting } from "./source-settings.ts";

interface FileChoices {
  readonly cloudflared?: CloudflaredSetting | undefined;
  readonly tensorrt?: TensorRtSetting | undefined;
  readonly mirrors: Readonly<Record<string, string>>;
}

/** What of these a stack's image has. @param has whether the recipe has a layer */
export function stackFiles(
  choices: FileChoices,
  sources: Pick<SourceLock, "cloudflared">,
  has: (layer: string) => boolean,
): Pick<LayerContext, "cloudflared" | "tensorrt"> {
  const cloudflared = has("cloudflared") ? cloudflaredRelease(choices, sources) : undefined;
  const tensorrt = has("tensorrt") ? tensorrtWheels(choices) : undefined;
  return { ...(cloudflared ? { cloudflared } : {}), ...(tensorrt ? { tensorrt } : {}) };
}

/** The release that a stack's image gets; undefined where it wants none. */
function cloudflaredRelease(
  { cloudflared, mirrors }: FileChoices,
  sources: Pick<SourceLock, "cloudflared">,
): PinnedFile | undefined {
  const release = cloudflared && "url" in cloudflared ? cloudflared : sources.cloudflared;
  if (cloudflared && "enabled" in cloudflared && !cloudflared.enabled) return undefined;
  const { url, sha256, version } = release;
  return { url: mirrored(url, mirrors), sha256, version };
}

/** By the normalised name of the package; undefined where a stack brings none. */
function tensorrtWheels({ tensorrt = [], mirrors }: FileChoices): Record<string, PinnedWheel> | undefined {
  if (tensorrt.length === 0) return undefined;
  return Object.fromEntries(
    tensorrt.map(({ url, sha256 }) => {
      const [name, version] = nameAndVersion(url);
      return [name, { url: mirrored(url, mirrors), sha256, version }];
    }),
  );
}

function nameAndVersion(url: string): [name: string, version: string] {
  const [name = "", version = ""] = wheelFile({ url }).split("-");
  return [normaliseName(name), version];
}

/** Wheels that are for another CUDA or of several versions, and a choice without the libraries themselves. */
export function tensorrtProblems(
  setting: TensorRtSetting = [],
  { cuda }: Pick<CompatibilitySet, "cuda">,
): UserError[] {
  if (setting.length === 0) return [];
  const wheels = setting.map(({ url }) => nameAndVersion(url));
  const major = `cu${cuda.split(".")[0]}`;
  const libraries = `tensorrt-${major}-libs`;
  const versions = [...new Set(wheels.map(([, version]) => version))];
  const error = (problem: string, remedy: string) => new UserError("strata:tensorrt", problem, remedy);
  return [
    ...wheels
      .filter(([name]) => /-cu\d+/.test(name) && !name.includes(`-${major}`))
      .map(([name]) => error(`${name} is not for CUDA ${cuda}.`, `Take the wheels of ${major}.`)),
    ...(versions.length > 1
      ? [error(`its wheels are of ${versions.join(" and ")}.`, "Take all of one version.")]
      : []),
    ...(wheels.some(([name]) => name === libraries)
      ? []
      : [error(`${libraries} is not among its wheels.`, "Add it: without it nothing of TensorRT works.")]),
  ];
}
