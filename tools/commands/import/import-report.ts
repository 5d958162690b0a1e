import { z } from "zod";
import { renderTable } from "../../program/table.ts";

/** What `npm run import -- --json` prints. */
export const ImportReport = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** The recipe's file and the stack's, from the folder that the command ran in. */
  recipe: z.string(),
  stack: z.string(),
  comfyui: z.strictObject({ repository: z.string(), commit: z.string().nullable() }),
  nodes: z.array(
    z.strictObject({
      name: z.string(),
      repository: z.string(),
      /** null where it could not be read now. */
      commit: z.string().nullable(),
      disabled: z.boolean(),
      /** How the commit of a version of Comfy's registry was found. */
      how: z.string().nullable(),
    }),
  ),
  /** Of what was installed: versions that stayed, that others had to make way for, and what nothing asks for. */
  packages: z.strictObject({
    kept: z.int(),
    moved: z.array(z.strictObject({ name: z.string(), from: z.string(), to: z.string() })),
    unasked: z.array(z.string()),
  }),
  models: z.strictObject({
    /** In the recipe's list. */
    listed: z.int(),
    /** Of them those whose hash or size has yet to be asked. */
    incomplete: z.int(),
  }),
  locks: z.array(z.strictObject({ path: z.string(), made: z.boolean(), problem: z.string().nullable() })),
  left: z.array(z.strictObject({ what: z.string(), reason: z.string() })),
  /** Commands that come next, in this order. */
  next: z.array(z.string()),
});
export type ImportReport = z.infer<typeof ImportReport>;

/** The same for people. */
export function renderImport(report: ImportReport): string {
  const { comfyui, nodes, packages, models, locks, left, next } = report;
  const pinned = nodes.map(({ name, commit, disabled, how }) => [
    name,
    commit?.slice(0, 12) ?? "not read",
    [...(disabled ? ["off"] : []), ...(how ? [how] : [])].join("; "),
  ]);
  const total = packages.kept + packages.moved.length + packages.unasked.length;
  return [
    `${report.recipe}: ComfyUI ${comfyui.commit?.slice(0, 12) ?? "not read"} of ${comfyui.repository}, ${nodes.length} custom nodes`,
    renderTable(["node", "commit", ""], pinned),
    ...(total > 0
      ? [
          `${total} packages were installed: ${packages.kept} keep their version, ${packages.moved.length} have another, ${packages.unasked.length} nothing asks for`,
          ...(packages.unasked.length > 0
            ? ["  What of these your own code uses belongs into `packages` of the recipe: --json names them."]
            : []),
        ]
      : []),
    ...(models.listed > 0
      ? [`${models.listed} models in the recipe's list; of ${models.incomplete} the hash has yet to be asked`]
      : []),
    ...locks.map(({ path, made, problem }) => (made ? `${path}: made` : `${path}: not made: ${problem}`)),
    ...(left.length > 0
      ? ["", "Not taken over:", ...left.map(({ what, reason }) => `  ${what}: ${reason}`)]
      : []),
    "",
    "Next:",
    ...next.map((command) => `  ${command}`),
  ]
    .filter((line, index, lines) => line !== "" || lines[index - 1] !== "")
    .join("\n");
}
