import type { Instance } from "./container.ts";

/** A socket that takes what comes from outside or from the container itself. */
export interface Listener {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly isLoopback: boolean;
}

const LISTEN = "0A";
/** State of a UDP socket that is bound and talks to nobody in particular. */
const UNCONNECTED = "07";

/** Every listener of the container, out of what the kernel tells: a service that hides from `ps` is seen too. */
export async function listeners(instance: Instance): Promise<Listener[]> {
  const found = new Map<string, Listener>();
  for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
    const protocol = table.startsWith("tcp") ? "tcp" : "udp";
    const text = await instance.run("cat", `/proc/net/${table}`);
    for (const line of text.split("\n").slice(1)) {
      const [, local = "", , state] = line.trim().split(/\s+/);
      if (state !== (protocol === "tcp" ? LISTEN : UNCONNECTED)) continue;
      const [host = "", hexPort = ""] = local.split(":");
      const listener = {
        protocol,
        port: Number.parseInt(hexPort, 16),
        isLoopback: isLoopback(host),
      } as const;
      found.set(JSON.stringify(listener), listener);
    }
  }
  return [...found.values()].sort((a, b) => a.port - b.port);
}

/** Addresses as the kernel writes them: 32-bit words in the processor's order. */
function isLoopback(host: string): boolean {
  const mapped = /^0{16}FFFF0000(\w{8})$/.exec(host);
  const address = mapped?.[1] ?? host;
  return address.length === 8 ? address.endsWith("7F") : address === "00000000000000000000000001000000";
}
