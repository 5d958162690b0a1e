/**
 * A GPU of a builder: what it says of its devices, how a build step gets one, and what BuildKit's words about that mean to
 * people. Devices are CDI's (docs/cdi.md of BuildKit 0.31.1).
 */
import { z } from "zod";

/** Whoever reads a Dockerfile decides what is run, so a frontend is named by its digest. */
export const frontendImage = z
  .string()
  .regex(/^[\w.:/-]+@sha256:[0-9a-f]{64}$/, "expected an image by its digest: docker/dockerfile@sha256:…");

/** What has another frontend than the builder's own read a Dockerfile. */
export function frontendArgs(frontend: string | undefined): Readonly<Record<string, string>> {
  return frontend === undefined ? {} : { BUILDKIT_SYNTAX: frontend };
}

/** What NVIDIA's own CDI file calls its cards; each has a name, and `all` is all of them. */
const KIND = "nvidia.com/gpu";

/** The device that a test gets, or why there is none. */
export type BuilderGpu =
  | { readonly device: string; readonly problem?: never }
  | { readonly problem: string; readonly remedy: string; readonly device?: never };

/** Of the devices of a builder, by their names, what a test gets: all cards, else the first. */
export function gpuAmong(names: readonly string[]): BuilderGpu {
  const cards = names.filter((name) => name.startsWith(`${KIND}=`));
  const device = cards.find((name) => name === `${KIND}=all`) ?? cards[0];
  if (device !== undefined) return { device };
  return {
    problem: `it offers no GPU${names.length > 0 ? `, only ${names.join(", ")}` : ""}`,
    remedy:
      "Make NVIDIA's CDI file on its machine (nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml), or name another strata:host (docs/hosts.md).",
  };
}

/** A device that nobody has: whoever says so knows devices. */
const NOBODYS = "strata.invalid/none=none";

/** A build that ends before it begins: what the builder says of it tells whether its Dockerfiles know devices. */
export const questionDockerfile = `FROM scratch\nRUN --device=${NOBODYS},required ["/none"]\n`;

/** What the answer to that question means; undefined where the builder knows devices. */
export function answerProblem(said: string): BuilderGpu | undefined {
  if (said.includes(`required device "${NOBODYS}" is not registered`)) return undefined;
  if (/device feature is only supported|unknown flag: -*device/.test(said)) {
    return {
      problem: "it has a GPU, and its Dockerfiles do not know `RUN --device`",
      remedy:
        "Use BuildKit 0.34 or newer, or set strata:host.frontend to an image that knows it: docker/dockerfile@sha256:… (docs/hosts.md).",
    };
  }
  const last = said.trim().split("\n").at(-1)?.trim() || "it said nothing";
  return { problem: `whether its Dockerfiles know \`RUN --device\` cannot be told: ${last}`, remedy: "" };
}

/** What BuildKit and runc say when a step does not get its device, and what it means. */
const refusals: readonly (readonly [RegExp, string])[] = [
  [/requested by the build but not allowed/, "the builder does not let a build have its GPU"],
  [/entitlement device is not allowed/, "the builder's configuration lets no build have a device"],
  [/required device .* is not registered/, "the builder's GPU has gone since it was asked"],
  [
    /CDI device injection failed|unresolvable CDI|CDI host device|error running \w+ hook|nvidia-c(tk|di-hook)/i,
    "the builder cannot give a step its GPU",
  ],
];

/** Why a test never ran, where that is its device's doing: nothing about the image. */
export function deviceProblem(said: string): string | undefined {
  for (const line of said.split("\n").toReversed()) {
    const found = refusals.find(([pattern]) => pattern.test(line));
    if (found) return `${found[1]}: ${line.trim()}`;
  }
  return undefined;
}

/** The step that runs the checks, as smoke/Dockerfile begins it. */
const STEP = "RUN --network=none ";

/** The smoke test's Dockerfile with a device: only a frontend that knows devices reads it. */
export function withDevice(dockerfile: string, device: string): string {
  if (dockerfile.split(STEP).length !== 2) throw new Error(`smoke/Dockerfile has not one step ${STEP}`);
  return dockerfile.replace(STEP, `${STEP}--device=${device},required `);
}
