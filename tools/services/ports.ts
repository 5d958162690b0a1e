import { createServer } from "node:net";
import { UserError } from "../../errors.ts";

/** One service's port and where the wish for it comes from. */
export interface PortRequest {
  /** The variable that chooses it. */
  readonly variable: string;
  /** What that variable says. */
  readonly chosen: number | undefined;
  /** The port of the last run. */
  readonly recorded: number | undefined;
  /** The port to start with. */
  readonly preferred: number;
}

/** Who has a port. */
export type Occupant =
  | { readonly kind: "nobody" }
  | { readonly kind: "ours" }
  | { readonly kind: "stranger"; readonly description: string };

/** How many ports after the preferred one are tried. */
const ATTEMPTS = 100;

/**
 * The port a service gets. Only the preferred port may be given up for another: a port that was chosen, or that
 * images are already named by, stays, or is an error.
 */
export async function decidePort(
  service: string,
  wish: PortRequest,
  occupantOf: (port: number) => Promise<Occupant>,
): Promise<{ port: number; moved?: string }> {
  const fixed = wish.chosen ?? wish.recorded;
  const port = fixed ?? wish.preferred;
  const occupant = await occupantOf(port);
  if (occupant.kind !== "stranger") return { port };
  if (fixed !== undefined) {
    throw new UserError(
      `${service}: port ${port}`,
      `is in use by ${occupant.description}.`,
      `Stop that, or choose another port: ${wish.variable}=<port> make up (images are then pushed anew).`,
    );
  }
  for (let other = port + 1; other <= port + ATTEMPTS; other++) {
    if ((await occupantOf(other)).kind === "nobody") {
      return {
        port: other,
        moved: `port ${port} is in use by ${occupant.description}, so ${service} takes ${other}`,
      };
    }
  }
  throw new UserError(
    `${service}: ports ${port} to ${port + ATTEMPTS}`,
    "are all in use.",
    `Choose a free one: ${wish.variable}=<port> make up`,
  );
}

/**
 * Starts a service on the port that is decided for it. Where somebody came first between the decision and the start, as another
 * clone that looks for a port in the same moment, it is decided again.
 *
 * @param note is told of a port that moved
 */
export async function startOnPort<T>(
  service: string,
  wish: PortRequest,
  occupantOf: (port: number) => Promise<Occupant>,
  start: (port: number) => Promise<T>,
  note: (text: string) => void,
): Promise<{ port: number; started: T }> {
  const { port, moved } = await decidePort(service, wish, occupantOf);
  if (moved) note(moved);
  try {
    return { port, started: await start(port) };
  } catch (error) {
    const fixed = wish.chosen ?? wish.recorded;
    if (fixed !== undefined || (await occupantOf(port)).kind !== "stranger") throw error;
    return await startOnPort(service, wish, occupantOf, start, note);
  }
}

/** A port from the environment; anything but a port is the user's mistake. */
export function portFrom(variable: string, environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment[variable];
  if (!text) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new UserError(variable, `expected a port from 1 to 65535, got "${text}".`, "");
}

/** Whether nothing listens on the loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
