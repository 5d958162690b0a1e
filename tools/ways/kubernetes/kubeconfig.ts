import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import type { Cluster, Context, User } from "@kubernetes/client-node";
import { parse } from "yaml";
import { z } from "zod";
import type { ExecCluster } from "../../../lib/builders/kubernetes/exec-credential.ts";

export type KubeLibrary = typeof import("@kubernetes/client-node");

/** A user of a kubeconfig, with what the library does not read as kubectl does. */
export interface KubeUser extends User {
  readonly login?: unknown;
}

/** A cluster of a kubeconfig, with what programs that log in may be told. */
export interface KubeCluster extends Cluster {
  readonly told: ExecCluster;
}

/** All that kubeconfigs say. */
export interface Kubeconfig {
  readonly clusters: readonly KubeCluster[];
  readonly users: readonly KubeUser[];
  readonly contexts: readonly Context[];
  readonly currentContext: string | undefined;
}

const file = z.object({
  clusters: z.array(z.object({ name: z.string(), cluster: z.looseObject({}) })).nullish(),
  users: z
    .array(z.object({ name: z.string(), user: z.looseObject({ tokenFile: z.string().nullish() }).nullish() }))
    .nullish(),
});
const extensions = z.array(z.object({ name: z.string(), extension: z.unknown() })).nullish();

/** The files that kubectl reads where it is told none: those of KUBECONFIG, which need not all be there. */
export function usualKubeconfigs(environment: NodeJS.ProcessEnv = process.env): string[] {
  const { KUBECONFIG, HOME = homedir() } = environment;
  const files = KUBECONFIG ? KUBECONFIG.split(delimiter) : [join(HOME, ".kube", "config")];
  return [...new Set(files)].filter((each) => each !== "" && existsSync(each));
}

/**
 * Reads kubeconfigs as kubectl does (tools/clientcmd/loader.go of k8s.io/client-go): of what has the same name the first counts,
 * as does the first current context. The library takes the last one, and fails where names repeat.
 *
 * @throws Error with the file
 */
export function readKubeconfigs(library: KubeLibrary, paths: readonly string[]): Kubeconfig {
  const all = paths.map((path) => {
    try {
      return readOne(library, path);
    } catch (error) {
      throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  const first = <T extends { readonly name: string }>(each: readonly T[]) =>
    each.filter(({ name }, index) => each.findIndex((other) => other.name === name) === index);
  return {
    clusters: first(all.flatMap(({ clusters }) => clusters)),
    users: first(all.flatMap(({ users }) => users)),
    contexts: first(all.flatMap(({ contexts }) => contexts)),
    currentContext: all.find(({ currentContext }) => currentContext)?.currentContext,
  };
}

function readOne(library: KubeLibrary, path: string): Kubeconfig {
  const raw: unknown = parse(readFileSync(path, "utf8"));
  const config = new library.KubeConfig();
  if (raw === null) return { clusters: [], users: [], contexts: [], currentContext: undefined };
  config.loadFromFile(path);
  const said = file.parse(raw);
  const folder = dirname(path);
  return {
    clusters: config.getClusters().map((cluster) => {
      const own = said.clusters?.find(({ name }) => name === cluster.name)?.cluster ?? {};
      return { ...cluster, told: toldOf(cluster, own) };
    }),
    users: config.getUsers().map((user) => {
      const tokenFile = said.users?.find(({ name }) => name === user.name)?.user?.tokenFile;
      return userAsKubectl(user, tokenFile ? resolve(folder, tokenFile) : undefined, folder);
    }),
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  };
}

/** What client-go tells programs of a cluster (rest/exec.go). */
function toldOf({ server, caFile, caData, skipTLSVerify, tlsServerName, proxyUrl }: Cluster, own: object) {
  const ca = caData ?? (caFile && existsSync(caFile) ? readFileSync(caFile).toString("base64") : undefined);
  const more = own as { "disable-compression"?: unknown; extensions?: unknown };
  const named = extensions.safeParse(more.extensions).data;
  const config = named?.find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension;
  return {
    server,
    ...(tlsServerName ? { "tls-server-name": tlsServerName } : {}),
    ...(skipTLSVerify ? { "insecure-skip-tls-verify": true } : {}),
    ...(ca ? { "certificate-authority-data": ca } : {}),
    ...(proxyUrl ? { "proxy-url": proxyUrl } : {}),
    ...(more["disable-compression"] === true ? { "disable-compression": true } : {}),
    ...(config === undefined ? {} : { config }),
  };
}

function userAsKubectl(user: User, tokenFile: string | undefined, folder: string): KubeUser {
  const { exec, token, ...rest } = user;
  // The library reads another word; a file's token is read again and again, as it changes.
  if (tokenFile) return { ...rest, authProvider: { name: "tokenFile", config: { tokenFile } } };
  const known = { ...rest, ...(token ? { token } : {}) };
  if (!exec || token || user.username || user.certData || user.certFile) return known;
  const { command } = exec as { readonly command?: unknown };
  const isPath = typeof command === "string" && command.includes("/");
  return { ...known, login: isPath ? { ...exec, command: resolve(folder, command) } : exec };
}

const ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** The account of the pod that this runs in, as client-go finds it (rest/config.go); undefined elsewhere. */
export function ownAccount(
  library: KubeLibrary,
  { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv = process.env,
): Kubeconfig | undefined {
  if (!host || !port || !existsSync(ACCOUNT_TOKEN)) return undefined;
  const config = new library.KubeConfig();
  config.loadFromCluster();
  // The library takes some ports for plain HTTP, over which the token would be read by others.
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return {
    clusters: config.getClusters().map((cluster) => ({ ...cluster, server, told: { server } })),
    users: config.getUsers(),
    contexts: config.getContexts(),
    currentContext: config.getCurrentContext(),
  };
}
