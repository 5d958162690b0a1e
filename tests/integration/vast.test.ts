/**
 * The image `vast` in running containers, on a real Docker engine, without a GPU: its own boot, supervisor, sshd, door with Caddy,
 * JupyterLab and portal, as the platform starts them. What stands in for what: support/vast/image.ts.
 */
import { after, before } from "node:test";
import { whyNoEngine } from "./support/engine.ts";
import { openProof, type Proof } from "./support/vast/proof.ts";
import { whyNoVastImage } from "./support/vast/stand-ins.ts";
import { bootTests } from "./vast/boot.ts";
import { doorTests } from "./vast/door.ts";
import { exposureTests } from "./vast/exposure.ts";
import { fuzzTests } from "./vast/fuzz.ts";
import { launchTests } from "./vast/launch.ts";
import { provisioningTests } from "./vast/provisioning.ts";
import { smokeTests } from "./vast/smoke.ts";
import { sshTests } from "./vast/ssh.ts";
import { volumeTests } from "./vast/volumes.ts";

const skip = whyNoEngine() ?? (await whyNoVastImage()) ?? false;
let opened: Proof | undefined;

before(async () => {
  if (skip) return;
  // Certificates of instances are their own; Node's WebSocket takes no other word for it.
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  opened = await openProof();
});
after(() => opened?.close());

function proof(): Proof {
  if (!opened) throw new Error("the image is not there");
  return opened;
}

for (const tests of [
  bootTests,
  sshTests,
  exposureTests,
  doorTests,
  launchTests,
  provisioningTests,
  volumeTests,
  smokeTests,
  // Last, as the door may shut itself to who has tried too much.
  fuzzTests,
]) {
  tests(proof, skip);
}
