import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { findEngine, refuseOldEngine } from "../../../../tools/delivery/container-engine.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

// What docker 26.1, podman 4.3 and Docker's client in front of podman's service answer to these two questions, shortened.
const answering = (named: string, version: object) =>
  `case "$1 $3" in "--version "*) echo "${named}" ;; "version {{json .}}") echo '${JSON.stringify(version)}' ;; *) exit 125 ;; esac`;
const Engine = { Name: "Engine", Version: "20.10.24+dfsg1" };
const docker = answering("Docker version 26.1.5+dfsg1, build a72d7cd", {
  Client: { Version: "26.1.5+dfsg1", ApiVersion: "1.41" },
  Server: { Version: "20.10.24+dfsg1", ApiVersion: "1.41", Components: [Engine] },
});
const podman = answering("podman version 4.3.1", { Client: { APIVersion: "4.3.1", Version: "4.3.1" } });
const service = answering("Docker version 26.1.5+dfsg1, build a72d7cd", {
  Client: { Version: "26.1.5+dfsg1" },
  Server: { Version: "4.3.1", Components: [{ Name: "Podman Engine", Version: "4.3.1" }] },
});
const silent =
  'case "$1" in --version) echo "Docker version 26.1.5" ;; *) echo "Cannot connect to the Docker daemon" >&2; exit 1 ;; esac';

test("the engine's version counts, not its client's; podman is known whatever it is called", async (t) => {
  const folder = temporaryFolder(t);
  const program = script(join(folder, "docker"), docker);
  assert.deepEqual(await findEngine([program]), { program, kind: "docker", version: "20.10.24+dfsg1" });
  // Docker's words, as its client gets them, and a version that is none of Docker's.
  const served = script(join(folder, "served", "docker"), service);
  assert.deepEqual(await findEngine([served]), { program: served, kind: "docker", version: "" });
  const posing = script(join(folder, "posing", "docker"), podman);
  assert.deepEqual(await findEngine([posing]), { program: posing, kind: "podman", version: "4.3.1" });
  const linked = script(join(folder, "linked", "docker"), podman.replace("podman version", "docker version"));
  assert.deepEqual(await findEngine([linked]), { program: linked, kind: "podman", version: "4.3.1" });
});

test("the first that answers; where none does, each with its reason", async (t) => {
  const folder = temporaryFolder(t);
  const dead = script(join(folder, "docker"), silent);
  const other = script(join(folder, "podman"), podman);
  assert.equal((await findEngine([join(folder, "absent"), dead, other])).program, other);
  await assert.rejects(
    findEngine([join(folder, "absent"), dead]),
    /absent is not there; .*docker does not answer: Cannot connect to the Docker daemon\. Start Docker/,
  );
});

test("Docker below 23.0 is refused what is packed with zstd, and nothing else is", () => {
  const layer = (kind: string) => ({
    mediaType: `application/vnd.oci.image.layer.v1.tar+${kind}`,
    digest: `sha256:${"a".repeat(64)}`,
    size: 1,
  });
  const zstd = { layers: [layer("gzip"), layer("zstd")] };
  const engine = (version: string, kind: "docker" | "podman" = "docker") => ({
    program: "docker",
    kind,
    version,
  });
  for (const version of ["20.10.24+dfsg1", "22.0.0", "19.03.15", "1.13.1"]) {
    assert.throws(
      () => refuseOldEngine(engine(version), zstd),
      /cannot read layers packed with zstd: Docker can since 23\.0\. Set strata:compression to gzip/,
      version,
    );
    refuseOldEngine(engine(version), { layers: [layer("gzip")] });
  }
  for (const version of ["23.0.0", "26.1.5+dfsg1", "29.0.0-rc.1", "dev", ""])
    refuseOldEngine(engine(version), zstd);
  refuseOldEngine(engine("3.4.4", "podman"), zstd);
});
