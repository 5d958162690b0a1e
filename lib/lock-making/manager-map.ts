import { z } from "zod";
import { UserError } from "../../errors.ts";
import { gitRepositoryName } from "../comfyui/custom-nodes.ts";

/** ComfyUI-Manager's list of node classes: by repository, the classes and what it remarks about them. */
const schema = z.record(
  z.string(),
  z.tuple([z.array(z.string()), z.looseObject({ nodename_pattern: z.string().optional() })]),
);

/** Its name in ComfyUI-Manager's repository. */
export const managerMapFile = "extension-node-map.json";

/** The classes of ComfyUI, which the list has too: they are read from ComfyUI itself. */
const comfyuiRepositories = ["comfyanonymous/ComfyUI", "Comfy-Org/ComfyUI"];

/** Classes and name patterns by repository, from ComfyUI-Manager's `extension-node-map.json`. */
export function readManagerMap(text: string): {
  others: Record<string, string[]>;
  patterns: Record<string, string>;
} {
  const result = schema.safeParse(parsed(text));
  if (!result.success) throw unknownForm("it has another form than this program knows");
  const others: Record<string, string[]> = {};
  const patterns: Record<string, string> = {};
  for (const [address, [classes, { nodename_pattern: pattern }]] of Object.entries(result.data)) {
    const name = sourceName(address);
    if (comfyuiRepositories.includes(name)) continue;
    // A few repositories are listed twice, in different spelling of the address.
    others[name] = [...new Set([...(others[name] ?? []), ...classes])].sort();
    if (pattern && isUseful(pattern)) patterns[name] = pattern;
  }
  return { others, patterns };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unknownForm((error as Error).message);
  }
}

function unknownForm(problem: string): UserError {
  return new UserError(managerMapFile, `cannot be read: ${problem}.`, "Lock another ComfyUI-Manager.");
}

/** `owner/name` on GitHub; single files and other hosts keep their address. */
function sourceName(address: string): string {
  return /^https:\/\/github\.com\/[^/]+\/[^/]+\/?$/.test(address)
    ? gitRepositoryName(address.replace(/\/$/, ""))
    : address;
}

/** One that names a start or an end: "Hunyuan" anywhere in a name says nothing. Python's own forms are of no use here. */
function isUseful(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return /^\^|\$$/.test(pattern);
  } catch {
    return false;
  }
}
