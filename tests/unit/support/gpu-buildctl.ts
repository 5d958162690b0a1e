/** A builder that answers as BuildKit 0.31.1 does: what it has (`buildctl debug workers`), and whether Dockerfiles know devices. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { type Home, homeAt } from "../../../home.ts";
import { script, temporaryFolder } from "./folder.ts";

/** What a frontend says that does not know devices (frontend/dockerfile/dockerfile2llb/convert_norundevice.go). */
export const unaware = "device feature is only supported in Dockerfile frontend 1.14.0-labs or later";

/** @param devices by their names @param answer what the frontend says to the question @param registry of the services */
export function homeWithGpu(
  context: TestContext,
  devices: readonly string[],
  {
    answer = 'required device "strata.invalid/none=none" is not registered',
    registry = "127.0.0.1:5000",
  } = {},
): Home {
  const home = homeAt(join(temporaryFolder(context), "home"));
  mkdirSync(dirname(home.services), { recursive: true });
  const services = {
    builder: { kind: "buildkitd", name: "strata", address: "unix:///nowhere" },
    registry: { kind: "process", address: registry },
  };
  writeFileSync(home.services, JSON.stringify(services));
  const workers = JSON.stringify([{ cdiDevices: devices.map((name) => ({ name, autoAllow: false })) }]);
  script(
    join(home.bin, "buildctl"),
    `case "$*" in *"debug workers"*) echo '${workers}' ;; *) echo 'error: failed to solve: ${answer}' >&2; exit 1 ;; esac`,
  );
  return home;
}
