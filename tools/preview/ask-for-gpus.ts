import type { Home } from "../../home.ts";
import { kindOfBuilder, stackBuilders } from "../../lib/builders/builder-setting.ts";
import type { BuilderGpu } from "../../lib/hosts/builder-gpu.ts";
import { isGpuBuilder } from "../../lib/hosts/host-setting.ts";
import type { RentPlan } from "../../lib/preview/expected-test.ts";
import { type AskOptions, builderGpu } from "../builder/find-gpu.ts";
import { recallServices } from "../services/record.ts";
import type { CheckoutPlan } from "../stack/checkout-plan.ts";
import { openBuilders } from "../stack/opened-builders.ts";
import { openWays } from "../ways/open-ways.ts";
import { findPulumi } from "./engine.ts";
import { stackNamed } from "./read-previous.ts";

type Plans = ReadonlyMap<string, CheckoutPlan | Error>;

/** The plans with what builders say of their GPUs, where tests want one. Nothing is started for it. */
export async function askForGpus(home: Home, project: string, plans: Plans): Promise<Plans> {
  const known = new Map(plans);
  // One after the other: ways to builders are a process's own.
  for (const [stack, plan] of plans) {
    if (plan instanceof Error) continue;
    const { test, rent } = plan.planned;
    const host = test?.hosts.find(isGpuBuilder);
    if (!test || !host) continue;
    const gpu = rent && (await gpuOf(home, { project, name: stack }, rent, host).catch(asProblem));
    known.set(stack, { ...plan, planned: { ...plan.planned, test: { ...test, builderGpu: gpu } } });
  }
  return known;
}

/** undefined where only an update can ask. */
async function gpuOf(
  home: Home,
  { project, name }: { readonly project: string; readonly name: string },
  choice: RentPlan,
  { frontend }: AskOptions,
): Promise<BuilderGpu | undefined> {
  const { default: builder } = stackBuilders(choice);
  const kind = kindOfBuilder(builder.setting);
  const [own = ""] = builder.names;
  if (kind === "local") {
    if (await recallServices(home)) return await builderGpu(home, own, process.env, { frontend });
    return {
      problem: "there is no builder yet",
      remedy: "`make up` starts it, and asks it before the first stage.",
    };
  }
  // Pods are made by an update.
  if (kind === "kubernetes") return undefined;
  const stack = stackNamed(home, project, name, await findPulumi(home));
  const opened = stackBuilders(kind === "remote" ? await openBuilders(stack, choice) : choice).default;
  const ways = await openWays(home, { default: opened, heavy: opened });
  try {
    return await builderGpu(home, own, { ...process.env, ...ways.environment }, { frontend });
  } finally {
    ways.close();
  }
}

function asProblem(error: unknown): BuilderGpu {
  return {
    problem: `it cannot be asked (${error instanceof Error ? error.message : String(error)})`,
    remedy: "",
  };
}
