/** Registry credentials, from where `docker login` puts them. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { UserError } from "../../errors.ts";

/** A user with a password, or a token that is exchanged for access. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "identity"; readonly token: string };

const DockerConfig = z.object({
  auths: z
    .record(z.string(), z.object({ auth: z.string().optional(), identitytoken: z.string().optional() }))
    .optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const HelperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/** The key under which Docker Hub's credentials are kept. */
export const DOCKER_HUB_KEY = "https://index.docker.io/v1/";
/** What a credential helper prints (with exit status 1) when it knows nothing about a registry. */
const NOT_FOUND = /credentials not found/i;

/** Docker's configuration folder: `$DOCKER_CONFIG`, otherwise `.docker` in the user's home. */
export function dockerConfigFolder(): string {
  return process.env.DOCKER_CONFIG || join(homedir(), ".docker");
}

/**
 * Looks up the credentials for a registry in `config.json`: a helper named for this registry first, then the general
 * store, then `auths`, which is Docker's own order.
 *
 * @param registry host with its port
 * @param folder Docker's configuration folder
 * @returns undefined when there are none: the registry is then asked anonymously.
 * @throws UserError when the file cannot be parsed or a helper fails.
 */
export async function findCredentials(registry: string, folder: string): Promise<Credentials | undefined> {
  const path = join(folder, "config.json");
  const config = await readConfig(path);
  if (!config) return undefined;
  const key = registry === "docker.io" ? DOCKER_HUB_KEY : registry;
  const helper = config.credHelpers?.[key] ?? config.credsStore;
  if (helper) {
    const credentials = await askHelper(helper, key);
    if (credentials) return credentials;
  }
  // Old versions of Docker wrote `https://host` or `https://host/v1/` as the key.
  const entry = Object.entries(config.auths ?? {}).find(
    ([name]) => name === key || hostOf(name) === hostOf(key),
  )?.[1];
  if (entry?.identitytoken) return { kind: "identity", token: entry.identitytoken };
  if (!entry?.auth) return undefined;
  const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) {
    throw new UserError(
      path,
      `the entry for ${registry} is damaged.`,
      `Run \`docker login ${registry}\` again.`,
    );
  }
  return { kind: "password", username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

async function readConfig(path: string): Promise<z.infer<typeof DockerConfig> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(path, `cannot be read (${(error as Error).message}).`, "Check its permissions.");
  }
  try {
    return DockerConfig.parse(JSON.parse(text));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : "it is not JSON";
    throw new UserError(
      path,
      `is not a Docker configuration: ${why}.`,
      "Mend the file, or remove it and log in again.",
    );
  }
}

async function askHelper(name: string, key: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const result = await execa(program, ["get"], { input: key, reject: false, timeout: 30_000 });
  if (result.exitCode !== 0) {
    if (NOT_FOUND.test(`${result.stdout}${result.stderr}`)) return undefined;
    const why = result.stderr || result.stdout || result.shortMessage || `exit status ${result.exitCode}`;
    throw new UserError(program, `failed for ${key}: ${why}.`, "Run it by hand, or log in again.");
  }
  let answer: z.infer<typeof HelperAnswer>;
  try {
    answer = HelperAnswer.parse(JSON.parse(result.stdout));
  } catch {
    // The answer is not shown: it may hold the secret.
    throw new UserError(
      program,
      `gave an answer for ${key} that is not what helpers print.`,
      "Log in again.",
    );
  }
  if (answer.Username === "<token>") return { kind: "identity", token: answer.Secret };
  return { kind: "password", username: answer.Username, password: answer.Secret };
}

function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
