import { type Home, projectFolder } from "../../home.ts";
import { isFar, stackBuilders } from "../../lib/builders/builder-setting.ts";
import { requireReach } from "../setup/builder-reach.ts";
import { prepareRegistries } from "../setup/registries.ts";
import { setUp, setUpElsewhere } from "../setup/setup.ts";
import { stackConfig } from "../stack/checkout-plan.ts";
import { needsThisMachine, openBuilders, placesOf } from "../stack/opened-builders.ts";
import { requirePassphrase } from "../stack/passphrase.ts";
import { ensureStack, ownProject, requireKnownStack, type Stack } from "../stack/stack.ts";
import { openWays } from "../ways/open-ways.ts";
import { openOffice, plannedRent } from "./heavy-stages.ts";
import { recover } from "./recover.ts";

/** Sets everything up that the stack `name` needs, and makes sure that it can be worked on. */
export async function openStack(home: Home, name: string): Promise<Stack> {
  const project = await ownProject();
  requireKnownStack(home, project, name);
  await requirePassphrase({ name, folder: projectFolder });
  const config = await stackConfig(projectFolder, name);
  // The builder has to trust registries before it starts; one that is told of later would start it anew.
  await prepareRegistries(home, config);
  const { tools, environment } = needsThisMachine(config)
    ? await setUp(home, config.base)
    : await setUpElsewhere(home, config);
  if (!tools.pulumi) throw new Error("pulumi is not resolved");
  const stack: Stack = {
    name,
    folder: projectFolder,
    project,
    pulumi: tools.pulumi.path,
    environment,
  };
  await recover(home, stack);
  await ensureStack(home, stack);
  const far = placesOf(config).some((setting) => isFar(setting));
  const builders = stackBuilders(far ? await openBuilders(stack, config) : config);
  const rent = await plannedRent(home, stack, builders);
  const ways = await openWays(home, rent ? rent.builders : builders);
  if (far) await requireReach(home, config, { ...environment, ...ways.environment });
  const opened = { ...stack, environment: { ...environment, ...ways.environment }, ways };
  return rent?.terms ? await openOffice(home, opened, ways, rent.terms) : opened;
}
