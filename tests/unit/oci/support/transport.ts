import { Transport } from "../../../../oci/access/transport.ts";

/** One that knows no login, and loses no time. */
export const quickTransport = (attempts = 2): Transport =>
  new Transport({ backoffMs: 1, timeoutMs: 2000, attempts, dockerConfig: "no-such-folder" });
