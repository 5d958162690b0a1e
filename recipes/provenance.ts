import { execFileSync } from "node:child_process";
import { UserError } from "../errors.ts";
import { remoteAddress } from "../lib/git-remote.ts";
import type { ProductLabels } from "../lib/plan/product.ts";
import type { SelectedRecipe } from "./index.ts";

/** What a product is made of; a commit that changes none of it does not change the image's labels. */
const strataInputs = ["layers", "recipes", "locks"];

/**
 * Where a stack's product comes from: for an external recipe its folder, for a built-in one strata. Asks git;
 * outside a repository the labels stay away rather than being invented.
 */
export function readProvenance(
  root: string,
  { folder: externalFolder }: Pick<SelectedRecipe, "folder">,
): ProductLabels {
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
  const epoch = Number(givenEpoch(process.env.SOURCE_DATE_EPOCH) ?? seconds ?? 315532800);
  return {
    source: remoteAddress(git("remote", "get-url", "origin") ?? ""),
    revision: commit ? `${commit}${dirty ? "-dirty" : ""}` : null,
    created: new Date(epoch * 1000).toISOString(),
  };
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
