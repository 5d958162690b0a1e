/**
 * What fetch sends requests with, without limits of its own: Node's ends whatever is not answered within 300 s, and a
 * registry may look at a large blob for longer. How long to wait is for `SilenceClock` to say.
 */

interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean;
}

/** Where Node keeps it; fetch takes the first, as Node 24.21 (undici 7.29) has both. It knows the proxy that is set. */
const PLACES = ["undici.globalDispatcher.1", "undici.globalDispatcher.2"].map((name) => Symbol.for(name));

function nodesOwn(): Dispatcher | undefined {
  const known = globalThis as unknown as Record<symbol, Dispatcher | undefined>;
  return PLACES.map((place) => known[place]).find((dispatcher) => dispatcher !== undefined);
}

/** An option for fetch; nothing where Node keeps its own elsewhere: its limits hold then. */
export function patient(): object {
  const own = nodesOwn();
  if (!own) return {};
  const dispatch: Dispatcher["dispatch"] = (options, handler) =>
    own.dispatch({ ...options, headersTimeout: 0, bodyTimeout: 0 }, handler);
  return { dispatcher: { dispatch } };
}
