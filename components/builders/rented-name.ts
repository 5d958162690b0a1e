import { connect } from "node:net";
import { createInterface } from "node:readline";
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../../errors.ts";
import type { AwsBuilderDescription } from "../../lib/hosts/description.ts";
import { RENT_SOCKET, rentAnswer } from "../../lib/hosts/rent.ts";

/**
 * The name of a builder that is started for this update, known when it is there: images that wait for the name wait for the
 * builder. The command that runs the update is told what to start, and answers (tools/rented/rent-office.ts); where it needs
 * none, or there is no such command, the name is known at once.
 */
export function rentedName(
  name: string,
  description: pulumi.Output<AwsBuilderDescription>,
): pulumi.Output<string> {
  const socket = process.env[RENT_SOCKET];
  if (pulumi.runtime.isDryRun() || socket === undefined) return pulumi.output(name);
  return description.apply(async (rented) => {
    await askForBuilder(socket, rented);
    return name;
  });
}

async function askForBuilder(socket: string, description: AwsBuilderDescription): Promise<void> {
  const client = connect(socket);
  await new Promise((resolve, reject) => client.once("connect", resolve).once("error", reject));
  client.write(`${JSON.stringify(description)}\n`);
  for await (const line of createInterface({ input: client })) {
    client.destroy();
    const { problem } = rentAnswer.parse(JSON.parse(line));
    if (problem === null) return;
    throw new UserError(
      "strata:builders.heavy",
      problem,
      "What is built by then is kept: run the same command again.",
    );
  }
  throw new Error("the command that runs this update has ended");
}
