import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Home, repository } from "../../home.ts";
import type { CachePart } from "../../lib/builders/compiler-cache.ts";
import { type BuildRequest, buildInBuilder } from "../builder/builder.ts";
import { type PushTarget, pushImageOf } from "../builder/push-build.ts";
import { tail } from "../program/exec.ts";

/** Where and about what a step works that mounts a compiler's cache. */
export interface CacheStep {
  readonly home: Home;
  /** What the builder's client gets beside this process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Name of the builder. */
  readonly builder: string;
  /** `host[:port]/path` of the parts. */
  readonly repository: string;
  /** The name that the builder knows the cache by. */
  readonly mount: string;
  /** `repository@sha256:…` of what has ccache and a shell. */
  readonly tools: string;
  readonly parts: readonly CachePart[];
}

/** A build of one step and of what is made of its outcome. */
export interface CacheBuild {
  facts(): Promise<string>;
  /** @returns `repository@sha256:…` */
  push(target: Pick<PushTarget, "packing">): Promise<string>;
}

/** Longer than a builder may take to pull some gigabytes. */
const LIMIT_MS = 20 * 60_000;

/**
 * Runs `script` of this folder where the cache is mounted, and the parts lie below `/parts`; what it leaves in `/ccache` is what a
 * part is. One that has been run is not run again for its other outcome.
 */
export async function withCacheBuild<T>(
  step: CacheStep,
  script: string,
  words: readonly string[],
  work: (build: CacheBuild) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "strata-compiler-cache-"));
  try {
    const context = join(folder, "context");
    await mkdir(context);
    await copyFile(join(repository, "tools", "compiler-cache", script), join(context, script));
    await writeFile(join(context, "Dockerfile"), cacheDockerfile(step, [script, ...words].join(" ")));
    const request = requestFor(step, context);
    return await work({
      async facts() {
        const output = join(folder, "facts");
        const result = await buildInBuilder(step.home, step.builder, {
          ...request,
          args: { ...request.args, RESULT: "result-facts" },
          output: `type=local,dest=${output}`,
        });
        if (!result.ok)
          throw new Error(/^(?:error|ERROR): (.*)/m.exec(result.all)?.[1] ?? tail(result.all, 3));
        return await readFile(join(output, "facts"), "utf8");
      },
      push: ({ packing }) =>
        pushImageOf(
          step.home,
          { builder: step.builder, beside: step.repository, packing, name: step.mount },
          { ...request, args: { ...request.args, RESULT: "result-part" } },
        ),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requestFor(
  { repository: parts, tools, environment, ...step }: CacheStep,
  folder: string,
): Omit<BuildRequest, "output"> & { readonly args: Readonly<Record<string, string>> } {
  return {
    folder,
    images: {
      tools,
      ...Object.fromEntries(step.parts.map(({ digest }, index) => [`part${index}`, `${parts}@${digest}`])),
    },
    // What the mount holds is in no key of BuildKit's.
    args: { RUN: `${new Date().toISOString()} ${process.pid}` },
    environment,
    signal: AbortSignal.timeout(LIMIT_MS),
  };
}

function cacheDockerfile({ mount, parts }: CacheStep, command: string): string {
  const mounts = [
    "--network=none",
    "--mount=type=bind,target=/context",
    ...parts.map((_, index) => `--mount=type=bind,from=part${index},source=/ccache,target=/parts/${index}`),
    `--mount=type=cache,id=${mount},target=/root/.cache/ccache`,
  ];
  return [
    "ARG RESULT",
    "FROM tools AS step",
    "ARG RUN",
    `RUN ${[...mounts, `sh -eu /context/${command}`].join(" \\\n    ")}`,
    "FROM scratch AS result-facts",
    "COPY --from=step /facts /",
    // What reads a part comes with it: a builder that has another toolbox takes both from one place.
    "FROM tools AS result-part",
    "COPY --link --from=step /ccache /ccache",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an argument of the build
    "FROM ${RESULT}",
    "",
  ].join("\n");
}
