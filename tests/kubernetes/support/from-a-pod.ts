/** Runs in a pod: opens the ways to a builder by the pod's own account, as a command of strata there would. */
import { homeAt } from "../../../home.ts";
import { builderSetting, stackBuilders } from "../../../lib/builders/builder-setting.ts";
import { openWays } from "../../../tools/ways/open-ways.ts";

const [, , setting = ""] = process.argv;
const builder = builderSetting.parse(JSON.parse(setting));
const ways = await openWays(homeAt("/tmp/strata"), stackBuilders({ builder, builders: {} }));
ways.close();
console.log("its builders answer");
