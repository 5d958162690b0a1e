import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { AppsV1Api, CoreV1Api, KubernetesObjectApi } from "@kubernetes/client-node";
import { UserError, withPackage } from "../../../errors.ts";
import { projectFolder } from "../../../home.ts";
import { type ExecCluster, execSetting } from "../../../lib/builders/kubernetes/exec-credential.ts";
import { ExecLogin } from "./exec-login.ts";
import {
  type Kubeconfig,
  type KubeLibrary,
  type KubeUser,
  ownAccount,
  readKubeconfigs,
  usualKubeconfigs,
} from "./kubeconfig.ts";

/** Where a cluster is, as a setting says it. */
export interface ClusterPlace {
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly namespace: string;
}

/** The API of a cluster, with one namespace of it. */
export interface Cluster {
  readonly namespace: string;
  /** Its server's address. */
  readonly server: string;
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly objects: KubernetesObjectApi;
  /** Opens a stream to a command in a pod. */
  readonly stream: StreamHandler;
  /** After what was logged in with has been refused. @returns whether something else may come of it */
  loginAgain(): boolean;
}

/** What the library has for commands in pods: each message begins with the number of its channel. */
export interface StreamHandler {
  connect(
    path: string,
    onText: null,
    onMessage: (channel: number, bytes: Buffer) => boolean,
  ): Promise<PodSocket>;
}

/** What is used of the library's WebSocket. */
export interface PodSocket {
  send(data: Buffer, done: (error?: Error) => void): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  on(event: "close" | "error", listener: (error: Error) => void): unknown;
}

/** Opens a cluster's API by a kubeconfig, with whatever its users log in by. @throws UserError */
export async function openCluster(path: string, place: ClusterPlace): Promise<Cluster> {
  const library = await withPackage(
    "@kubernetes/client-node",
    async () => await import("@kubernetes/client-node"),
  );
  const loaded = load(library, path, place);
  const { cluster: server } = loaded;
  const login = loginOf(path, loaded);
  const configure = () => {
    const config = new library.KubeConfig();
    config.loadFromOptions(loaded.options);
    if (login) config.addAuthenticator(login);
    return config;
  };
  // Somebody may have to be asked: no request waits for that.
  await login?.credential();
  const config = configure();
  return {
    namespace: place.namespace,
    server,
    core: config.makeApiClient(library.CoreV1Api),
    apps: config.makeApiClient(library.AppsV1Api),
    objects: library.KubernetesObjectApi.makeApiClient(config),
    stream: {
      // The library keeps the first certificate of a user for all its streams.
      connect: (...words) =>
        (new library.Exec(configure()).handler as unknown as StreamHandler).connect(...words),
    },
    loginAgain() {
      login?.forget();
      return login !== undefined;
    },
  };
}

interface Loaded {
  /** The server's address. */
  readonly cluster: string;
  readonly told: ExecCluster;
  readonly user: KubeUser | undefined;
  readonly options: object;
}

/** What the context says, out of kubeconfigs or of the pod that this runs in. */
function load(library: KubeLibrary, path: string, { kubeconfig, context }: ClusterPlace): Loaded {
  const found = readPlace(library, path, kubeconfig);
  const known = found.contexts.map(({ name }) => name);
  if (context !== undefined && !known.includes(context)) {
    throw new UserError(
      `${path}.context`,
      `the kubeconfig has no context ${context}.`,
      known.length > 0 ? `It has ${known.join(", ")}.` : "It has none.",
    );
  }
  const currentContext = context ?? found.currentContext;
  const current = found.contexts.find(({ name }) => name === currentContext);
  const cluster = found.clusters.find(({ name }) => name === current?.cluster);
  if (current === undefined || cluster === undefined) {
    const problem =
      currentContext === undefined
        ? "the kubeconfig has no current context."
        : `the kubeconfig's context ${currentContext} ${current ? "names no cluster that is there" : "is not there"}.`;
    throw new UserError(path, problem, "Set context, or see kubectl config get-contexts.");
  }
  const user = found.users.find(({ name }) => name === current.user);
  return { cluster: cluster.server, told: cluster.told, user, options: { ...found, currentContext } };
}

function readPlace(library: KubeLibrary, path: string, kubeconfig: string | undefined): Kubeconfig {
  const file = kubeconfig === undefined ? undefined : resolve(projectFolder, kubeconfig);
  if (file !== undefined && !existsSync(file)) {
    throw new UserError(
      `${path}.kubeconfig`,
      `there is no file ${kubeconfig}.`,
      "Give a whole path or one from the folder of Pulumi.yaml.",
    );
  }
  try {
    const found = readKubeconfigs(library, file === undefined ? usualKubeconfigs() : [file]);
    if (file !== undefined || found.contexts.length > 0) return found;
    const own = ownAccount(library);
    if (own) return own;
  } catch (error) {
    throw new UserError(
      path,
      `the kubeconfig cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      "Mend it, or set kubeconfig to another.",
    );
  }
  throw new UserError(
    path,
    "there is no kubeconfig here, and this is no pod with an account of a cluster.",
    "Set kubeconfig or KUBECONFIG, or log in to the cluster as its provider says.",
  );
}

/** The program that the user logs in by; undefined where that is done otherwise. */
function loginOf(path: string, { user, told }: Loaded): ExecLogin | undefined {
  if (user?.login === undefined) return undefined;
  const { data, error } = execSetting.safeParse(user.login);
  if (data) return new ExecLogin(path, user.name, data, told);
  const problems = error.issues.map(({ path: key, message }) => `${key.join(".")} ${message}`).join("; ");
  throw new UserError(
    path,
    `the kubeconfig's user ${user.name} cannot log in by its exec: ${problems}.`,
    "Write the kubeconfig anew: aws eks update-kubeconfig, gcloud container clusters get-credentials, or as its provider says.",
  );
}
