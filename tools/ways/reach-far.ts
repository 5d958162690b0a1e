import type { Home } from "../../home.ts";
import type { FarSetting } from "../../lib/builders/builder-setting.ts";
import type { Upstream } from "./dial.ts";
import { reachKubernetes } from "./kubernetes/reach-kubernetes.ts";
import { reachRemote } from "./remote.ts";

/** For whom a builder elsewhere is reached. */
export interface Reaching {
  readonly home: Home;
  /** Where the stack says it. */
  readonly path: string;
}

/**
 * How to get a connection to each buildkitd of a builder elsewhere, one for each of its names, in their order. Where the kind
 * is started for a build, it is there afterwards. A further kind adds its setting to lib/builders and its file here.
 *
 * @throws UserError
 */
export async function reachFar(reaching: Reaching, setting: FarSetting): Promise<Upstream[]> {
  switch (setting.kind) {
    case "remote":
      return reachRemote(reaching.path, setting);
    case "aws":
      // It comes while the run lasts (tools/rented).
      return [];
    case "kubernetes":
      return await reachKubernetes(reaching.home, reaching.path, setting);
  }
}
