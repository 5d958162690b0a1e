import { remoteAddress } from "../git-remote.ts";
import { normaliseName } from "../locks/python-lock.ts";
import { parseRequirement } from "../locks/requirement.ts";

/** What a stranger's file calls things: only what fits these forms gets into a recipe, and each is quoted there too. */

const LONGEST = 200;

/** A repository as recipes name it, `https://host/owner/name`; null for what is no address that others can use. */
export function repositoryAddress(text: string): string | null {
  if (text.length > LONGEST || /[\s\p{Cc}]/u.test(text)) return null;
  const address = remoteOrNull(text);
  const isSafe = /^https:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9_~][\w.~-]*){2,}$/.test(address ?? "");
  return address !== null && isSafe && !/\/\.|\.\./.test(address) ? canonical(address) : null;
}

function remoteOrNull(text: string): string | null {
  try {
    return remoteAddress(text);
  } catch {
    return null;
  }
}

/** ComfyUI moved to another owner; its old address leads there. */
function canonical(address: string): string {
  return /^https:\/\/github\.com\/(comfyanonymous|comfy-org)\/comfyui$/i.test(address)
    ? "https://github.com/Comfy-Org/ComfyUI"
    : address;
}

/** A branch, a tag or a commit, and no option of git's. */
export function isRef(text: string): boolean {
  return text.length <= LONGEST && /^\w[\w./+-]*$/.test(text) && !/\.\.|\/\/|\.lock$|[./]$/.test(text);
}

/** A name of Comfy's registry. */
export function isRegistryName(text: string): boolean {
  return text.length <= LONGEST && /^[A-Za-z0-9][\w.-]*$/.test(text);
}

export function isVersion(text: string): boolean {
  return text.length <= LONGEST && /^\d[\w.+-]*$/.test(text);
}

/** A folder below `custom_nodes`. */
export function isFolderName(text: string): boolean {
  return text.length <= LONGEST && /^[A-Za-z0-9_][\w.+@ -]*$/.test(text) && !/\.disabled$|[ .]$/.test(text);
}

/** Distributions whose versions are the image's to decide: everything in it is compiled for them. */
const decidedByStrata =
  /^(torch|torchvision|torchaudio|triton|xformers|sageattention|flash-attn|pip|setuptools|wheel|uv|comfy-cli|comfyui-manager|runpod|nvidia-.*|cuda-.*)$/;

/** Why a requirement cannot be one of a recipe; undefined where it can. */
export function requirementProblem(line: string): string | undefined {
  const parts = parseRequirement(line);
  if (/:\/\/|^[./-]|^git\+|@\s*(git|https?|file)/.test(line))
    return "an address or option, which nothing pins";
  if (!parts || /[\p{Cc}"'`\\$]/u.test(line.replace(/;.*$/s, "")))
    return "is no requirement on a package of the index";
  return decidedByStrata.test(normaliseName(parts.name))
    ? "strata decides its version, with all that is compiled for it"
    : undefined;
}

/** Text of a stranger for a line of a terminal or a comment: without control characters, and short. */
export function shownText(text: string, longest = LONGEST): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
  return plain.length > longest ? `${plain.slice(0, longest - 1)}…` : plain;
}
