import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { keepLogin } from "../../../../oci/access/logins.ts";
import { runInDocker } from "../../../../tools/shell/docker.ts";
import { joinedImage } from "../../../../tools/shell/session.ts";
import { REPOSITORY, startFakeRegistry } from "../../oci/support/fake-registry.ts";
import { script, setVariables, temporaryFolder } from "../../support/folder.ts";

test("the engine pulls a session's image with the login that strata keeps, in the user's context", async (t) => {
  await using registry = await startFakeRegistry();
  const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from("a layer") };
  registry.image("a", [layer], {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [`sha256:${"1".repeat(64)}`] },
  });
  const folder = temporaryFolder(t);
  const user = temporaryFolder(t);
  writeFileSync(join(user, "config.json"), JSON.stringify({ currentContext: "rootless", auths: {} }));
  // What Docker's client would read, when it is called.
  script(
    join(folder, "bin/docker"),
    `cat "$DOCKER_CONFIG/config.json" >'${folder}/config'; echo "$*" >'${folder}/words'; exit 7`,
  );
  setVariables(t, { DOCKER_CONFIG: user, PATH: `${join(folder, "bin")}:${process.env.PATH}` });
  const home = homeAt(join(folder, "home"));
  const session = {
    hostname: "torch",
    image: await joinedImage([`${registry.host}/${REPOSITORY}:a`], {}),
    command: "true",
    terminal: false,
  };

  assert.equal((await runInDocker(home, session)).code, 7);
  assert.deepEqual(JSON.parse(readFileSync(join(folder, "config"), "utf8")), {
    currentContext: "rootless",
    auths: {},
  });
  assert.match(
    readFileSync(join(folder, "words"), "utf8"),
    new RegExp(`${registry.host}/${REPOSITORY}@sha256:\\w+ -c true`),
  );

  await keepLogin(home.logins, registry.host, { address: registry.host, username: "ada", password: "x" });
  await runInDocker(home, session);
  const { currentContext, auths } = JSON.parse(readFileSync(join(folder, "config"), "utf8"));
  assert.equal(currentContext, "rootless");
  assert.equal(Buffer.from(auths[registry.host].auth, "base64").toString(), "ada:x");
});
