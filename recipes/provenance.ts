import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { remoteAddress } from "../lib/git-remote.ts";
import type { ProductLabels } from "../lib/plan/product.ts";
import type { SelectedRecipe } from "./index.ts";

/** What a product is made of; a commit that changes none of it does not change the image's labels. */
const strataInputs = ["layers", "recipes", "locks"];

/** In a package: what git said of the clone that it was made in. */
export const provenanceFile = "provenance.json";

/**
 * Where a stack's product comes from: for an external recipe its folder, for a built-in one strata. Asks git;
 * outside a repository the labels stay away rather than being invented.
 */
export function readProvenance(
  root: string,
  { folder: externalFolder }: Pick<SelectedRecipe, "folder">,
): ProductLabels {
  const kept = join(root, provenanceFile);
  if (externalFolder === undefined && existsSync(kept)) {
    const labels: ProductLabels = JSON.parse(readFileSync(kept, "utf8"));
    const epoch = givenEpoch(process.env.SOURCE_DATE_EPOCH);
    return epoch === undefined ? labels : { ...labels, created: isoTime(epoch) };
  }
  const [folder, inputs] = externalFolder === undefined ? [root, strataInputs] : [externalFolder, ["."]];
  const git = (...args: string[]): string | null => {
    try {
      return execFileSync("git", ["-C", folder, ...args], { stdio: ["ignore", "pipe", "ignore"] })
        .toString()
        .trim();
    } catch {
      return null;
    }
  };
  const [commit, seconds] = git("log", "-1", "--format=%H %ct", "--", ...inputs)?.split(" ") ?? [];
  const dirty = git("status", "--porcelain", "--", ...inputs);
  const epoch = givenEpoch(process.env.SOURCE_DATE_EPOCH) ?? seconds ?? "315532800";
  return {
    source: remoteAddress(git("remote", "get-url", "origin") ?? ""),
    revision: commit ? `${commit}${dirty ? "-dirty" : ""}` : null,
    created: isoTime(epoch),
  };
}

function isoTime(epoch: string): string {
  return new Date(Number(epoch) * 1000).toISOString();
}

/** https://reproducible-builds.org/specs/source-date-epoch/: seconds since 1970; empty is as good as none. */
function givenEpoch(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (/^\d{1,11}$/.test(text)) return text;
  throw new UserError(
    "SOURCE_DATE_EPOCH",
    `expected seconds since 1970, got "${text}".`,
    "Unset it, or mend it.",
  );
}
