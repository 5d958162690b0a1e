import { join } from "node:path";
import { attempt, type CommandResult } from "./exec.ts";
import type { Home } from "./home.ts";
import { recallServices } from "./services/services.ts";

/** A build outside Pulumi: the smoke test, and what bootstraps the rest. */
export interface BuildRequest {
  /** Holds the Dockerfile and its files. */
  readonly folder: string;
  /** Named contexts: images by digest reference. */
  readonly images?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  /** As BuildKit's `--output` has it. */
  readonly output: string;
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a build in the builder that `make up` started, else in the buildx builder called `name`. buildctl and buildx
 * speak to the same BuildKit; which one is there depends on whether a Docker engine is.
 */
export async function buildInBuilder(
  home: Home,
  name: string,
  request: BuildRequest,
): Promise<CommandResult> {
  const services = await recallServices(home);
  const { folder, images = {}, args = {}, output, onLine } = request;
  const options = onLine ? { onLine } : {};
  if (services?.builder.kind === "buildkitd") {
    const frontend = [
      ...Object.entries(images).map(([key, image]) => `context:${key}=docker-image://${image}`),
      ...Object.entries(args).map(([key, value]) => `build-arg:${key}=${value}`),
    ].flatMap((option) => ["--opt", option]);
    const local = ["--local", `context=${folder}`, "--local", `dockerfile=${folder}`];
    return await attempt(
      join(home.bin, "buildctl"),
      [
        ...["--addr", services.builder.address, "build", "--progress=plain", "--frontend", "dockerfile.v0"],
        ...[...local, ...frontend, "--output", output],
      ],
      options,
    );
  }
  const flags = [
    ...Object.entries(images).flatMap(([key, image]) => [
      "--build-context",
      `${key}=docker-image://${image}`,
    ]),
    ...Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
  ];
  return await attempt(
    "docker",
    ["buildx", "build", "--builder", name, "--progress=plain", ...flags, "--output", output, folder],
    options,
  );
}
