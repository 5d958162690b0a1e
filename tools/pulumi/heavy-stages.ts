import { totalmem } from "node:os";
import prettyBytes from "pretty-bytes";
import type { Config } from "../../config.ts";
import type { Home } from "../../home.ts";
import {
  HEAVY_BUILDER,
  isRented,
  kindOfBuilder,
  type StackBuilders,
  stackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { RENT_SOCKET } from "../../lib/hosts/rent.ts";
import type { Plan, Stage } from "../../lib/plan/plan.ts";
import { awsClients } from "../hosts/aws/clients.ts";
import { startGuard } from "../hosts/aws/guard.ts";
import { note } from "../program/progress.ts";
import { RentOffice } from "../rented/rent-office.ts";
import type { RentMeans, RentTerms } from "../rented/rent-terms.ts";
import { openTunnel } from "../rented/tunnel.ts";
import { missingStages } from "../stack/missing-stages.ts";
import { plannedStack } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";
import { ensureTools } from "../toolchain/toolchain.ts";
import type { OpenWays } from "../ways/ways.ts";

/**
 * What to know of heavy stages that would be built on this machine: of which one compiler takes more than a part of its
 * memory that others leave. Undefined where all is well, or they are built elsewhere.
 *
 * @param memory bytes of this machine
 */
export function heavyWarning(
  { stages }: Plan,
  config: Pick<Config, "builder" | "builders">,
  memory = totalmem(),
): string | undefined {
  const { heavy } = stackBuilders(config);
  if (kindOfBuilder(heavy.setting) !== "local") return undefined;
  const greedy = stages.flatMap(({ name, weight }) =>
    weight && weight.compilerMemory > memory * USABLE
      ? [`${name} (${prettyBytes(weight.compilerMemory)})`]
      : [],
  );
  if (greedy.length === 0) return undefined;
  return `warning: this machine has ${prettyBytes(memory)} of memory, and one compiler of ${greedy.join(", ")} takes most of it; strata:builders.heavy builds such stages elsewhere (docs/builders.md)`;
}

/** Part of a machine's memory that a compiler may take. */
const USABLE = 0.75;

/** What a run does about a builder that is rented for heavy stages. */
export interface PlannedRent {
  /** The builders as they are then: with nothing heavy to build, all stages are the ordinary one's, under their own name. */
  readonly builders: StackBuilders;
  /** Undefined where nothing has to be started. */
  readonly terms: (RentTerms & { readonly patience: number }) | undefined;
}

/**
 * Asks the registry for the stack's heavy stages: only where one is missing is a builder started. Undefined where the stack
 * rents none.
 */
export async function plannedRent(
  home: Home,
  stack: Pick<Stack, "name">,
  builders: StackBuilders,
): Promise<PlannedRent | undefined> {
  const { setting } = builders.heavy;
  if (!isRented(setting)) return undefined;
  const { plan, config } = await plannedStack(home, stack);
  const heavy = plan.stages.filter(({ weight }) => weight !== undefined);
  const missing = await missingStages(home, config, heavy);
  if (missing.length === 0) {
    const ordinary = { ...builders.heavy, setting: builders.default.setting };
    return { builders: { ...builders, heavy: ordinary }, terms: undefined };
  }
  const named = (stages: readonly Stage[]) => stages.map(({ name }) => `${plan.recipe}-${name}`);
  note(`builder for heavy stages: ${missing.map(({ name }) => name).join(", ")} are not in the registry`);
  const { minutes, patience } = setting;
  const { dollars } = config.budget;
  return { builders, terms: { heavy: named(heavy), missing: named(missing), minutes, dollars, patience } };
}

/** Opens the way to the builder that will come, and listens for what it is to be. */
export async function openOffice(
  home: Home,
  stack: Stack,
  ways: OpenWays,
  terms: RentTerms & { readonly patience: number },
  means: RentMeans | Promise<RentMeans> = awsMeans(home),
): Promise<Stack> {
  const office = new RentOffice(terms, await means);
  const way = await ways.openRented(HEAVY_BUILDER, terms.patience, office);
  const socket = await office.listen(ways.folder, way);
  return { ...stack, environment: { ...stack.environment, [RENT_SOCKET]: socket }, office };
}

async function awsMeans(home: Home): Promise<RentMeans> {
  const tools = await ensureTools(home, ["session-manager-plugin"], true);
  const plugin = tools["session-manager-plugin"]?.path ?? "session-manager-plugin";
  return {
    clients: awsClients,
    openGuard: startGuard,
    openTunnel: (target, clients) => (instance) => openTunnel(plugin, { ...target, instance }, clients),
  };
}
