import type { ModelsReport } from "../comfyui/workflow/report.ts";
import { comfyuiName } from "../locks/node-classes.ts";
import { foundModels } from "./found-model.ts";
import { type FoundNode, type FoundWorkflow, type Inventory, type LeftOut, nothing } from "./inventory.ts";
import { repositoryAddress, shownText } from "./safe-names.ts";

/** What workflows need, by the report of `npm run models`, in the words of an import. */
export function inventoryOf(report: ModelsReport, workflows: readonly FoundWorkflow[]): Inventory {
  const nodes = report.nodes.filter(({ repository }) => repository !== null && repository !== comfyuiName);
  const names = [...new Set(nodes.map(({ repository }) => repository ?? ""))].sort();
  const found = names.map(nodeOf);
  const models = foundModels(
    report.files.map(({ folder, name, url, sha256 }) => ({
      path: `${folder}/${name}`,
      url: url ?? undefined,
      sha256: sha256 ?? undefined,
    })),
  );
  return {
    ...nothing,
    nodes: found.filter((each) => "origin" in each),
    models: models.models,
    workflows,
    left: [...found.filter((each) => "what" in each), ...unknown(report), ...models.left],
  };
}

/** A name by the class index, `owner/name` on GitHub, or an address. */
function nodeOf(name: string): FoundNode | LeftOut {
  const repository = repositoryAddress(name.includes("://") ? name : `https://github.com/${name}`);
  if (repository === null) {
    return { what: `node ${shownText(name)}`, reason: "is no repository that an image can be built from" };
  }
  return { origin: { repository, ref: null }, disabled: false, folder: null };
}

function unknown(report: ModelsReport): LeftOut[] {
  return [
    ...report.unreadable.map(({ path, problem }) => ({ what: shownText(path), reason: shownText(problem) })),
    ...report.nodes
      .filter(({ repository }) => repository === null)
      .map(({ type, problem, candidates }) => ({
        what: `node class ${shownText(type)}`,
        reason: `${shownText(problem ?? "no repository is known")}${candidates.length > 0 ? `: ${candidates.map((each) => shownText(each)).join(", ")}` : ""}`,
      })),
    ...report.unresolved.map(({ node, problem }) => ({
      what: shownText(`${node.workflow}: node ${node.id} ${node.type}`),
      reason: shownText(problem),
    })),
  ];
}
