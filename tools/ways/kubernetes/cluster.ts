import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { AppsV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node";
import { UserError, withPackage } from "../../../errors.ts";
import { projectFolder } from "../../../home.ts";

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
  const config = new library.KubeConfig();
  load(config, path, place);
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) {
    throw new UserError(
      path,
      "the kubeconfig's context names no cluster.",
      "See kubectl config get-contexts.",
    );
  }
  return {
    namespace: place.namespace,
    server,
    core: config.makeApiClient(library.CoreV1Api),
    apps: config.makeApiClient(library.AppsV1Api),
    objects: library.KubernetesObjectApi.makeApiClient(config),
    stream: new library.Exec(config).handler as unknown as StreamHandler,
  };
}

function load(config: KubeConfig, path: string, { kubeconfig, context }: ClusterPlace): void {
  const file = kubeconfig === undefined ? undefined : resolve(projectFolder, kubeconfig);
  if (file !== undefined && !existsSync(file)) {
    throw new UserError(
      `${path}.kubeconfig`,
      `there is no file ${kubeconfig}.`,
      "Give a whole path or one from the folder of Pulumi.yaml.",
    );
  }
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw new UserError(
      path,
      `the kubeconfig cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      "Mend it, or set kubeconfig to another.",
    );
  }
  // What the library takes where it finds nothing.
  if (config.getCurrentContext() === "loaded-context") {
    throw new UserError(
      path,
      "there is no kubeconfig here.",
      "Set kubeconfig or KUBECONFIG, or log in to the cluster as its provider says.",
    );
  }
  if (context === undefined) return;
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) {
    throw new UserError(
      `${path}.context`,
      `the kubeconfig has no context ${context}.`,
      known.length > 0 ? `It has ${known.join(", ")}.` : "It has none.",
    );
  }
  config.setCurrentContext(context);
}
