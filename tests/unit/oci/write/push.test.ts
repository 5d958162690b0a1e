import assert from "node:assert/strict";
import { test } from "node:test";
import { Transport } from "../../../../oci/access/transport.ts";
import { readImage } from "../../../../oci/read/image.ts";
import { pushImage } from "../../../../oci/write/push.ts";
import { REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
const config = { architecture: "amd64", os: "linux", config: { Env: ["A=1"] } };
const transport = () =>
  new Transport({ backoffMs: 1, timeoutMs: 2000, attempts: 2, dockerConfig: "no-such-folder" });

test("an image of layers that are there: configuration and manifest are sent, nothing else", async () => {
  await using registry = await startFakeRegistry();
  const layers = ["one", "two"].map((text) => registry.blob(TAR, Buffer.from(text)));
  const beside = `${registry.host}/${REPOSITORY}:stage-a-1`;
  const reference = await pushImage(beside, config, layers, transport());
  assert.match(reference, new RegExp(`^${registry.host}/${REPOSITORY}@sha256:[0-9a-f]{64}$`));
  const sent = registry.requests.map((request) => request.replace(/[?@:].*/, ""));
  assert.deepEqual(sent, [
    `HEAD /v2/${REPOSITORY}/blobs/sha256`,
    `POST /v2/${REPOSITORY}/blobs/uploads/`,
    `PUT /v2/${REPOSITORY}/blobs/uploads/1`,
    `PUT /v2/${REPOSITORY}/manifests/sha256`,
  ]);
  const image = await readImage(reference, transport());
  assert.deepEqual(image.config.config?.Env, ["A=1"]);
  assert.deepEqual(
    image.layers.map(({ digest }) => digest),
    layers.map(({ digest }) => digest),
  );
});

test("a registry that refuses is told of", async () => {
  await using registry = await startFakeRegistry();
  registry.intercept = ({ method }, response) => {
    if (method !== "POST") return false;
    response.writeHead(403);
    response.end();
    return true;
  };
  await assert.rejects(
    pushImage(`${registry.host}/${REPOSITORY}`, config, [], transport()),
    /answered 403 for the upload/,
  );
});

test("a registry that stores other bytes than were sent is told of", async () => {
  await using registry = await startFakeRegistry();
  const other = `sha256:${"0".repeat(64)}`;
  registry.intercept = (request, response) => {
    if (request.method !== "PUT" || !request.url?.includes("/manifests/")) return false;
    response.writeHead(201, { "docker-content-digest": other }).end();
    return true;
  };
  await assert.rejects(
    pushImage(`${registry.host}/${REPOSITORY}`, config, [], transport()),
    new RegExp(`the registry stored ${other} instead of sha256:`),
  );
});
