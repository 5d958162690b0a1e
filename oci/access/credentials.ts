/** Registry credentials, from where `docker login` puts them. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { DEFAULT_REGISTRY } from "../references.ts";

/** A user with a password, or a token that is exchanged for access. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "identity"; readonly token: string };

/** `username` and `password` are what other programs write where `docker login` writes `auth`, and Docker reads both. */
const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});

const DockerConfig = z.object({
  auths: z.record(z.string(), Entry).optional(),
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
 * store, then `auths`, which is Docker's own order. An entry for a part of the registry, as podman writes them
 * (`quay.io/acme`), counts before the general store, the longest first, and for nothing else of that registry.
 *
 * @param registry host with its port
 * @param folder Docker's configuration folder
 * @param repository below the registry
 * @returns undefined when there are none: the registry is then asked anonymously.
 * @throws UserError when the file cannot be parsed or a helper fails.
 */
export async function findCredentials(
  registry: string,
  folder: string,
  repository = "",
): Promise<Credentials | undefined> {
  const path = join(folder, "config.json");
  const { auths = {}, credHelpers = {}, credsStore } = (await readConfig(path)) ?? {};
  // BuildKit's client takes Docker Hub's names for one as well (moby/buildkit, session/auth/authprovider).
  const host = registryOf(registry);
  const key = host === DEFAULT_REGISTRY ? DOCKER_HUB_KEY : registry;
  const helped = [key, registry].find((name) => credHelpers[name] !== undefined);
  const inPath = helped === undefined ? partsOf(`${registry}/${repository}`).slice(0, -1) : [];
  const part = inPath.find((name) => hasLogin(auths[name]));
  if (part !== undefined) return loginOf(path, part, auths[part]);
  const helper = helped === undefined ? credsStore : credHelpers[helped];
  if (helper) {
    const setting = helped === undefined ? "credsStore" : `credHelpers["${helped}"]`;
    const credentials = await askHelper(helper, helped ?? key, { path, setting });
    if (credentials) return credentials;
  }
  const names = Object.keys(auths).filter((name) => registryOf(name) === host && hasLogin(auths[name]));
  const name = names.find((each) => each === key || each === registry) ?? names[0];
  return name === undefined ? undefined : loginOf(path, name, auths[name]);
}

/** `a/b/c`, `a/b`, `a`, as containers/image looks for them (pkg/docker/config, authKeysForRef). */
function partsOf(name: string): string[] {
  const parts = name.split("/").filter(Boolean);
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("/"));
}

function hasLogin(entry: z.infer<typeof Entry> | undefined): boolean {
  return Boolean(entry?.auth || entry?.identitytoken || (entry?.username && entry.password));
}

function loginOf(path: string, name: string, entry: z.infer<typeof Entry> = {}): Credentials {
  const { auth, identitytoken, username = "", password = "" } = entry;
  if (identitytoken) return { kind: "identity", token: identitytoken };
  if (!auth) return { kind: "password", username, password };
  const decoded = Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) {
    throw new UserError(path, `the entry for ${name} is damaged.`, `Run \`docker login ${name}\` again.`);
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

/** @param from where the helper is named */
async function askHelper(
  name: string,
  key: string,
  from: { readonly path: string; readonly setting: string },
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const { execa } = await import("execa");
  const result = await execa(program, ["get"], { input: key, reject: false, timeout: 30_000 });
  if (result.code === "ENOENT") {
    throw new UserError(
      from.path,
      `${from.setting} names the helper ${program} for ${key}, and there is no such program on PATH.`,
      "Install it, or take it out of the file and log in again.",
    );
  }
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

/**
 * Whose login a key is. Old versions of Docker wrote `https://host` or `https://host/v1/`; Docker Hub goes by several
 * names. A path is another matter: that is a part of a registry.
 */
function registryOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, "");
  const host = bare === key ? key.replace(/\/v[12]\/?$/, "") : bare.replace(/\/.*$/, "");
  return /^(index\.|registry-1\.)?docker\.io$/.test(host) ? DEFAULT_REGISTRY : host;
}
