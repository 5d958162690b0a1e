import type { Home } from "../../home.ts";
import { usesFileBackend } from "../program/environment.ts";
import { collectPreview } from "./collect.ts";

/**
 * What the next update of a stack builds, by the name of its resource, with the seconds that history expects. Only for
 * show: nothing where it cannot be known at once.
 */
export async function expectedBuilds(home: Home, stack: string): Promise<Map<string, number | null>> {
  if (!usesFileBackend()) return new Map();
  const { stacks } = await collectPreview(home, { stacks: [stack], offline: true }).catch(() => ({
    stacks: [],
  }));
  return new Map(
    stacks.flatMap((preview) =>
      preview.verdict === "failed"
        ? []
        : preview.stages.flatMap(({ name, role, expected }) => {
            const { recipe } = preview.platform;
            const resource = role === "product" ? recipe : `${recipe}-${name}`;
            return expected ? [[resource, expected.seconds] as const] : [];
          }),
    ),
  );
}
