/** What AWS's own clients make of our requests, against moto's stand-in for AWS: launch, look, end, clean up. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import { GetScheduleCommand } from "@aws-sdk/client-scheduler";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import type { AwsDescription } from "../../lib/hosts/description.ts";
import type { AwsClients } from "../../tools/hosts/aws/clients.ts";
import { terminateInstance, whyGone } from "../../tools/hosts/aws/instance.ts";
import { launch } from "../../tools/hosts/aws/launch.ts";
import { findTestResources, removeTestResource } from "../../tools/hosts/aws/leaks.ts";
import { findMoto, type Moto, startMoto, useMoto } from "./support/moto.ts";

const { folder, missing: skip = false } = await findMoto();

let moto: Moto;
let clients: AwsClients;
let host: AwsDescription;

before(async () => {
  if (skip) return;
  moto = await startMoto(folder);
  ({ clients, host } = await useMoto(moto));
});

after(() => moto?.close());

test("a builder's instance is told from a test's: tags, schedule, reaper, end", { skip }, async () => {
  const deadline = Date.now() + 30 * 60_000;
  const { kind, loginParameter, ...rented } = host;
  const builder = { ...rented, purpose: "builder" as const };
  const order = { deadline, signal: new AbortController().signal };
  const launched = await launch(builder, host.subnets, order, clients);
  const found = await findTestResources(clients, new Date());
  assert.deepEqual(
    found.map(({ kind, id, detail, leak }) => [kind, id, /^builder, g6\.xlarge/.test(detail), leak]),
    [
      ["instance", launched.id, true, undefined],
      ["schedule", `strata-builder-${launched.id}`, false, undefined],
    ],
  );
  await terminateInstance(launched, clients);
  assert.deepEqual(await findTestResources(clients, new Date()), []);
});

test("an instance is started as asked, watched over, found, and ended", { skip }, async () => {
  const deadline = Date.now() + 30 * 60_000;
  const launched = await launch(
    host,
    host.subnets,
    { deadline, signal: new AbortController().signal },
    clients,
  );
  assert.equal(launched.type, "g6.xlarge");
  assert.ok(host.subnets.includes(launched.subnet));
  const { Reservations = [] } = await clients.ec2.send(
    new DescribeInstancesCommand({ InstanceIds: [launched.id] }),
  );
  const tags = Object.fromEntries(
    (Reservations[0]?.Instances?.[0]?.Tags ?? []).map(({ Key = "", Value }) => [Key, Value]),
  );
  const until = new Date(deadline + 5 * 60_000).toISOString();
  assert.equal(tags["strata:purpose"], "smoke-test");
  assert.equal(tags["strata:stack"], "strata/test");
  assert.equal(tags["strata:until"], until);
  const schedule = await clients.scheduler.send(
    new GetScheduleCommand({ Name: `strata-smoke-${launched.id}` }),
  );
  assert.equal(schedule.ScheduleExpression, `at(${until.slice(0, 19)})`);
  assert.deepEqual(JSON.parse(schedule.Target?.Input ?? ""), { InstanceIds: [launched.id] });

  await clients.ssm.send(
    new PutParameterCommand({ Name: host.loginParameter, Value: "x", Type: "SecureString", Overwrite: true }),
  );
  const found = await findTestResources(clients, new Date());
  assert.deepEqual(
    found.map(({ kind, stack, leak }) => [kind, stack, leak]),
    [
      ["instance", "strata/test", undefined],
      ["schedule", "", undefined],
      ["parameter", "strata/test", undefined],
    ],
  );
  const late = await findTestResources(clients, new Date(deadline + 6 * 60_000));
  assert.match(late[0]?.leak ?? "", /^its time was over at /);

  assert.equal(await whyGone(launched.id, clients), undefined);
  await terminateInstance(launched, clients);
  assert.match((await whyGone(launched.id, clients)) ?? "", /^is (terminated|shutting-down)/);
  const left = await findTestResources(clients, new Date());
  assert.deepEqual(
    left.map(({ kind, leak }) => [kind, leak]),
    [["parameter", "no test of its stack is running"]],
  );
  for (const each of left) await removeTestResource(each, clients);
  assert.deepEqual(await findTestResources(clients, new Date()), []);
});
