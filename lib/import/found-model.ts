import { UserError } from "../../errors.ts";
import { parseModelLock } from "../locks/model-lock.ts";
import { fileAddress } from "../models/file-address.ts";
import type { FoundModel, LeftOut } from "./inventory.ts";
import { shownText } from "./safe-names.ts";

/** What a source says of a model; what it does not say is left away. */
export interface ModelClaim {
  /** Below ComfyUI's folder, file name included: `models/vae/ae.safetensors`. */
  readonly path: string;
  readonly url?: string | undefined;
  readonly sha256?: string | undefined;
  readonly size?: number | undefined;
}

/** A model at a path that is safe, or why it is none. */
export function foundModel({ path, url, sha256, size }: ModelClaim): FoundModel | LeftOut {
  // From a root or a drive: what counts is what ComfyUI sees of it.
  const clean = path
    .replaceAll("\\", "/")
    .replace(/\/{2,}/g, "/")
    .replace(/^(?:[A-Za-z]:)?\/(?:.*\/)?(?=models\/)/, "")
    .replace(/^\.\//, "");
  const [, folder = "", name = ""] =
    /^((?:models|custom_nodes)\/[^/]+(?:\/[^/]+)*?)\/([^/]+)$/.exec(clean) ?? [];
  const hash = sha256?.toLowerCase() ?? "";
  const model: FoundModel = {
    folder,
    name,
    url: url ? fileAddress(url) : null,
    sha256: /^([0-9a-f]{64}|[0-9a-f]{10})$/.test(hash) ? hash : null,
    size: size !== undefined && Number.isSafeInteger(size) && size > 0 ? size : null,
  };
  const problem = folder === "" ? "is no path of a file below models/<folder>/" : lockProblem(model);
  return problem === undefined ? model : { what: `model ${shownText(path)}`, reason: problem };
}

/** What the lock's own rules say against a name or an address. */
function lockProblem({ folder, name, url }: FoundModel): string | undefined {
  const entry = {
    folder,
    name,
    url: url ?? "https://example.org/none",
    licence: null,
    source: "x",
    size: null,
    sha256: null,
    gated: null,
  };
  try {
    parseModelLock(JSON.stringify({ models: [], incomplete: [entry] }));
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.problem.replace(/,? got .*$/s, "").trim();
  }
}

/** The models of several claims, and what is left of them. */
export function foundModels(claims: readonly ModelClaim[]): { models: FoundModel[]; left: LeftOut[] } {
  const found = claims.map(foundModel);
  return {
    models: found.filter((each) => "folder" in each),
    left: found.filter((each) => "what" in each),
  };
}
