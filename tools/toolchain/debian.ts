import { UserError } from "../../errors.ts";
import { attempt, run } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { executables } from "./find.ts";

/** Installs a Debian or Ubuntu package; only root can, anybody else is told the command. */
export async function installPackage(name: string): Promise<void> {
  const aptGet = executables("apt-get", process.env.PATH ?? "")[0];
  if (!aptGet) {
    throw new UserError(
      name,
      "is missing, and there is no apt-get here.",
      `Install ${name} with this system's own packages.`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new UserError(
      name,
      "is missing.",
      `Install it: sudo apt-get install --no-install-recommends ${name}`,
    );
  }
  const install = ["install", "--yes", "--no-install-recommends", name];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await withProgress(`Installing the package ${name}`, async () => {
    // The lists may be there already; fetching them anew takes longer than the installation.
    if ((await attempt(aptGet, install, { env })).ok) return;
    const remedy = `Try it by hand: apt-get update && apt-get install ${name}`;
    await run(aptGet, ["update"], { env, remedy });
    await run(aptGet, install, { env, remedy });
  });
}
