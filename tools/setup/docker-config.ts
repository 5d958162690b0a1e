import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { throwAll, UserError } from "../../errors.ts";
import { executables } from "../toolchain/find.ts";

const configSchema = z.object({ credsStore: z.string().optional(), currentContext: z.string().optional() });

/**
 * Refuses a configuration of Docker's with which nothing of Docker's starts. The docker-build provider reads it with or
 * without an engine, and ends in the middle of an update where its context or its credential store is not there.
 */
export async function checkDockerConfig(
  folder: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  const file = join(folder, "config.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  let config: z.infer<typeof configSchema>;
  try {
    config = configSchema.parse(JSON.parse(text));
  } catch {
    throw new UserError(
      file,
      "is not a configuration of Docker's.",
      "Mend the file, or remove it and log in again.",
    );
  }
  const problems = [
    storeProblem(file, config.credsStore, environment.PATH ?? ""),
    hostProblem(environment.DOCKER_HOST) ?? contextProblem(folder, file, config.currentContext, environment),
  ];
  throwAll(
    "Docker's configuration",
    problems.filter((problem) => problem !== undefined),
  );
}

/** Docker Desktop leaves such files behind. */
function storeProblem(file: string, store: string | undefined, path: string): UserError | undefined {
  if (!store || executables(`docker-credential-${store}`, path).length > 0) return undefined;
  return new UserError(
    file,
    `names the credential store "${store}", and there is no docker-credential-${store} on PATH.`,
    'Install it, or remove "credsStore" from the file and log in again.',
  );
}

function hostProblem(host: string | undefined): UserError | undefined {
  const scheme = /^(.*?):\/\//.exec(host ?? "")?.[1];
  if (scheme === undefined || ["unix", "tcp", "ssh", "fd", "http", "https"].includes(scheme))
    return undefined;
  return new UserError(
    "DOCKER_HOST",
    `"${host}" is no address that Docker knows.`,
    "Unset it, or set it to unix://…, tcp://… or ssh://…",
  );
}

/** A context is a folder named by the hash of its name; DOCKER_HOST goes before any. */
function contextProblem(
  folder: string,
  file: string,
  current: string | undefined,
  { DOCKER_HOST, DOCKER_CONTEXT }: NodeJS.ProcessEnv,
): UserError | undefined {
  const name = DOCKER_HOST ? undefined : DOCKER_CONTEXT || current;
  if (!name || name === "default") return undefined;
  const hash = createHash("sha256").update(name).digest("hex");
  if (existsSync(join(folder, "contexts", "meta", hash, "meta.json"))) return undefined;
  return new UserError(
    DOCKER_CONTEXT ? "DOCKER_CONTEXT" : file,
    `names the context "${name}", which is not there.`,
    DOCKER_CONTEXT ? "Unset it; `docker context ls` lists them." : "Go back: docker context use default",
  );
}
