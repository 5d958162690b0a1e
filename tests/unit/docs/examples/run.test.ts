/** What the files for compose and Kubernetes promise; that they can be read at all is tests/integration/manifests.test.ts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse, parseAllDocuments } from "yaml";
import { repository } from "../../../../home.ts";
import { recipeNames, recipes } from "../../../../recipes/index.ts";
import { contextOf } from "../../../support/stacks.ts";

const read = (name: string) => readFileSync(join(repository, "docs/examples/run", name), "utf8");

for (const recipe of recipeNames) {
  const ports = recipes[recipe].runtime(contextOf({ recipe })).ports;
  const hasData = recipes[recipe].layers.some(({ name }) => name === "comfyui");
  const isInstance = recipes[recipe].layers.some(({ name }) => name === "instance");
  const mount = hasData ? "/workspace" : "/models";

  test(`${recipe}: compose has its ports for this machine alone, its data, a GPU, and lets the image choose the user`, () => {
    const { services } = parse(read(`${recipe}.compose.yaml`));
    assert.deepEqual(Object.keys(services), [recipe]);
    const service = services[recipe];
    assert.equal(service.user, undefined);
    for (const published of service.ports) {
      const [, port = "", inside] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(published) ?? [];
      assert.equal(port, inside, published);
      assert.ok(ports.includes(Number(port)), published);
    }
    assert.ok(service.volumes.some((volume: string) => volume.split(":")[1] === mount));
    assert.deepEqual(service.deploy.resources.reservations.devices[0].capabilities, ["gpu"]);
    assert.equal(Object.hasOwn(service.environment, isInstance ? "WEB_PASSWORD" : "STRATA_TOKEN"), hasData);
    assert.match(service.image, /^\$\{STRATA_IMAGE:\?/);
  });

  // A rented machine's image begins as root and stays it: it is none for a pod.
  if (isInstance) continue;
  test(`${recipe}: in Kubernetes it is no root, has its volume, probes, a GPU and no variables of Services`, () => {
    const objects = parseAllDocuments(read(`${recipe}.kubernetes.yaml`)).map((document) => document.toJS());
    const kind = (name: string) => objects.find((object) => object.kind === name);
    const pod = kind("Deployment").spec.template.spec;
    const [container] = pod.containers;
    assert.equal(pod.enableServiceLinks, false);
    assert.deepEqual(
      (({ runAsNonRoot, runAsUser, runAsGroup, fsGroup }) => ({
        runAsNonRoot,
        runAsUser,
        runAsGroup,
        fsGroup,
      }))(pod.securityContext),
      { runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
    );
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe])
      assert.deepEqual(probe.httpGet, { path: "/healthz", port: "service" });
    assert.equal(container.resources.limits["nvidia.com/gpu"], 1);
    assert.ok(container.ports.some((port: { containerPort: number }) => port.containerPort === 8000));
    for (const { containerPort } of container.ports) assert.ok(ports.includes(containerPort));
    assert.equal(container.volumeMounts[0].mountPath, mount);
    const volume = pod.volumes.find(({ name }: { name: string }) => name === container.volumeMounts[0].name);
    assert.equal(volume.persistentVolumeClaim.claimName, kind("PersistentVolumeClaim").metadata.name);
    assert.deepEqual(kind("Service").spec.selector, kind("Deployment").spec.template.metadata.labels);
    const token = container.env.find(({ name }: { name: string }) => name === "STRATA_TOKEN");
    assert.equal(token?.valueFrom.secretKeyRef.name, hasData ? kind("Secret").metadata.name : undefined);
    // The start may take as long as the image's own health check allows.
    const { periodSeconds, failureThreshold } = container.startupProbe;
    const { startPeriodSeconds } = recipes[recipe].runtime(contextOf({ recipe })).healthcheck;
    assert.ok(periodSeconds * failureThreshold >= startPeriodSeconds);
  });
}
