import { rm } from "node:fs/promises";
import { z } from "zod";
import { UserError } from "../../../errors.ts";
import type { Home } from "../../../home.ts";
import { ownLabels } from "../../../lib/builders/kubernetes/builder-manifests.ts";
import { recall, writeJson } from "../../program/files.ts";
import { apiError, ifThere, inTime } from "./api-error.ts";
import { type Cluster, openCluster } from "./cluster.ts";

const madeBuilder = z.object({
  kubeconfig: z.string().optional(),
  context: z.string().optional(),
  server: z.string(),
  namespace: z.string(),
  name: z.string(),
});

/** A builder that this clone has made in a cluster. */
export type MadeBuilder = z.output<typeof madeBuilder>;

/** What this clone has made in clusters, by any of its stacks. */
export async function madeBuilders(home: Home): Promise<MadeBuilder[]> {
  return (await recall(home.clusters, z.array(madeBuilder))) ?? [];
}

const isSame = (a: MadeBuilder, b: MadeBuilder) =>
  a.server === b.server && a.namespace === b.namespace && a.name === b.name;

/** Before it is made: what a killed run has made is known as well. */
export async function rememberBuilder(home: Home, builder: MadeBuilder): Promise<void> {
  const others = (await madeBuilders(home)).filter((each) => !isSame(each, builder));
  await writeJson(home.clusters, [...others, builder]);
}

async function forgetBuilder(home: Home, builder: MadeBuilder): Promise<void> {
  const others = (await madeBuilders(home)).filter((each) => !isSame(each, builder));
  if (others.length > 0) await writeJson(home.clusters, others);
  else await rm(home.clusters, { force: true });
}

export function shownMade({ namespace, name, server }: MadeBuilder): string {
  return `${namespace}/${name} at ${server}`;
}

/** Ends its pods; volumes stay, and the next run brings it back. @returns whether it was there */
export async function stopMade(builder: MadeBuilder): Promise<boolean> {
  return await inCluster(builder, async ({ apps, objects }) => {
    const { name, namespace } = builder;
    if (!(await ifThere(apps.readNamespacedStatefulSet({ name, namespace })))) return false;
    const { PatchStrategy } = await import("@kubernetes/client-node");
    const patch = {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name, namespace },
      spec: { replicas: 0 },
    };
    await inTime(objects.patch(patch, undefined, undefined, "strata", undefined, PatchStrategy.MergePatch));
    return true;
  });
}

/** Removes it with its volumes. @returns whether it was there */
export async function removeMade(home: Home, builder: MadeBuilder): Promise<boolean> {
  const wasThere = await inCluster(builder, async ({ apps, core }) => {
    const { name, namespace } = builder;
    const labelSelector = Object.entries(ownLabels(name))
      .map(([key, value]) => `${key}=${value}`)
      .join(",");
    const removed = [
      await ifThere(apps.deleteNamespacedStatefulSet({ name, namespace })),
      await ifThere(core.deleteNamespacedConfigMap({ name, namespace })),
    ];
    // Clusters before 1.27 keep them where their StatefulSet goes.
    await inTime(core.deleteCollectionNamespacedPersistentVolumeClaim({ namespace, labelSelector }));
    return removed.some((each) => each !== undefined);
  });
  await forgetBuilder(home, builder);
  return wasThere;
}

async function inCluster<T>(builder: MadeBuilder, work: (cluster: Cluster) => Promise<T>): Promise<T> {
  const path = `builder ${builder.namespace}/${builder.name}`;
  const cluster = await openCluster(path, builder);
  if (cluster.server !== builder.server) {
    throw new UserError(
      path,
      `is at ${builder.server}, and the kubeconfig leads to ${cluster.server}.`,
      "Set KUBECONFIG, or the current context, to the one that it was made with.",
    );
  }
  try {
    return await work(cluster);
  } catch (error) {
    throw apiError(path, cluster.server, error);
  }
}
