/** A builder's whole life: what is asked for in which order, and that nothing is left, wherever it is interrupted or refused. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AwsBuilderDescription } from "../../../../lib/hosts/description.ts";
import { RentOffice } from "../../../../tools/rented/rent-office.ts";
import type { RentTerms } from "../../../../tools/rented/rent-terms.ts";
import { problemOf } from "../../../../tools/ways/ask-builder.ts";
import { RentedWay } from "../../../../tools/ways/rented-way.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { awsError } from "../hosts/aws/fake-aws.ts";
import { description, fakeRegion } from "./fake-region.ts";

const terms: RentTerms = {
  heavy: ["starter-llama-cpp", "starter-flash-attn"],
  missing: ["starter-flash-attn"],
  minutes: 60,
  dollars: 50,
};

/** A run with an office, and what its program would ask it. */
async function open(
  t: TestContext,
  before?: (office: RentOffice, index: number, name: string) => void,
  changed: Partial<RentTerms> = {},
) {
  const folder = temporaryFolder(t);
  const region = fakeRegion(folder, (index, name) => before?.(office, index, name));
  const office: RentOffice = new RentOffice({ ...terms, ...changed }, region.means);
  const lost: string[] = [];
  const way = new RentedWay(2, (_, problem) => {
    lost.push(problem);
    office.onLost();
  });
  const socket = await office.listen(folder, way);
  t.after(() => {
    way.leave();
    region.close();
    office.close();
  });
  return { region, office, way, lost, socket, ask: () => ask(socket) };
}

async function ask(socket: string, rented: AwsBuilderDescription = description): Promise<string | null> {
  const client = connect(socket);
  client.write(`${JSON.stringify(rented)}\n`);
  const [line] = await once(createInterface({ input: client }), "line");
  return JSON.parse(line).problem;
}

/** Requests that only look are left out. */
const deeds = (asked: readonly { name: string }[]) =>
  asked.map(({ name }) => name.replace(/Command$/, "")).filter((name) => !/^(Get|Describe)/.test(name));

test("one builder: started once, led to, ended after the last heavy stage, and nothing is left", async (t) => {
  const { region, office, way, ask: asks } = await open(t);
  // Its program asks for each heavy image; there is one builder all the same.
  assert.deepEqual(await Promise.all([asks(), asks()]), [null, null]);
  assert.equal(way.place.shown, "i-01 (r6a.24xlarge spot in us-east-1b)");
  assert.equal(await problemOf(way.place), undefined);
  assert.deepEqual(deeds(region.asked), ["CreateFleet", "CreateSchedule", ...Array(3).fill("SendCommand")]);
  assert.deepEqual(region.guarded, [{ instance: { id: "i-01", fleet: "fleet-i-01", purpose: "builder" } }]);

  office.ended("starter-system");
  office.ended("starter-flash-attn");
  assert.deepEqual(region.left(), ["i-01", "fleet-i-01", "strata-builder-i-01", "a tunnel"]);
  office.ended("starter-llama-cpp");
  await office.finish();
  assert.deepEqual(region.left(), []);
  assert.deepEqual(deeds(region.asked).slice(5), ["TerminateInstances", "DeleteFleets", "DeleteSchedule"]);
  assert.deepEqual(region.guarded.at(-1), { done: true });
  assert.match((await problemOf(way.place))?.message ?? "", /is not there/);
});

test("who wants something of the builder has it before anybody builds there, and before it goes; not of one that is ended", async (t) => {
  const { region, office, ask: asks } = await open(t);
  const said: string[] = [];
  office.guest = {
    came: async () => void said.push(`came to ${region.left().length}`),
    goes: async () => {
      await sleep(50);
      said.push(`goes from ${region.left().length}`);
    },
  };
  assert.equal(await asks(), null);
  assert.deepEqual(said, ["came to 4"]);
  for (const name of terms.heavy) office.ended(name);
  await office.finish();
  assert.deepEqual(said, ["came to 4", "goes from 4"]);
  assert.deepEqual(region.left(), []);
  // The next update's fails: what it compiled is kept; the one after that is interrupted.
  office.begin();
  assert.equal(await asks(), null);
  await office.finish();
  assert.deepEqual(said.slice(2), ["came to 4", "goes from 4"]);
  office.begin();
  assert.equal(await asks(), null);
  office.interrupt();
  await office.finish();
  assert.deepEqual(said.slice(4), ["came to 4"]);
  assert.deepEqual(region.left(), []);
});

test("what is asked for: a builder's tags, types and zones, and an end that nobody here has to be alive for", async (t) => {
  const { region, office, ask: asks } = await open(t, undefined, { dollars: 5.4432 / 2 });
  const before = Date.now();
  await asks();
  const fleet = region.asked.find(({ name }) => name === "CreateFleetCommand")?.input as Record<
    string,
    unknown
  >;
  const { Tags } = (fleet.TagSpecifications as { Tags: { Key: string; Value: string }[] }[])[1] ?? {
    Tags: [],
  };
  const tags = Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
  assert.equal(tags.Name, "strata-builder strata/ada");
  assert.equal(tags["strata:purpose"], "builder");
  // Half an hour is what the money is enough for, and five minutes later it is a leak.
  const until = Date.parse(tags["strata:until"] ?? "") - before;
  assert.ok(Math.abs(until - 35 * 60_000) < 30_000, String(until));
  assert.deepEqual(
    (fleet.LaunchTemplateConfigs as { Overrides: object[] }[])[0]?.Overrides,
    ["subnet-0a", "subnet-0b"].map((SubnetId) => ({
      InstanceType: "r6a.24xlarge",
      SubnetId,
      ImageId: "ami-0newest",
    })),
  );
  await office.finish();
});

test("somebody is connected with a builder all the time: one that nobody wants ends itself", async (t) => {
  const { region, office, ask: asks } = await open(t);
  await asks();
  for (let tries = 0; tries < 20; tries++) {
    await sleep(50);
    // The first one is on its way.
    if (tries > 5) assert.ok(region.connected() >= 1);
  }
  await office.finish();
});

test("no private key crosses: a public one is sent, certificates come back", async (t) => {
  const { region, office, ask: asks } = await open(t);
  await asks();
  const sent = JSON.stringify(region.asked);
  assert.ok(!sent.includes("PRIVATE"));
  await office.finish();
});

test("nothing is started where no heavy stage is missing, or the update is not about one that is", async (t) => {
  for (const [missing, names] of [
    [[], undefined],
    [terms.missing, ["starter-system", "starter-llama-cpp"]],
  ] as const) {
    const { region, office, ask: asks } = await open(t, undefined, { missing });
    office.begin(names);
    assert.equal(await asks(), null);
    await office.finish();
    assert.deepEqual(region.asked, []);
  }
});

test("interrupted at any request: nothing is left, and the instance goes first", async (t) => {
  const all = await countRequests(t);
  for (let at = 0; at < all; at++) {
    let own = "";
    const {
      region,
      office,
      ask: asks,
    } = await open(t, (each, index, name) => {
      if (index !== at) return;
      own = name.replace(/Command$/, "");
      each.interrupt();
    });
    const answer = await asks();
    await office.finish();
    assert.deepEqual(region.left(), [], `at request ${at}`);
    const begun = region.asked.some(({ name }) => name === "CreateFleetCommand");
    // What was on its way when the signal came changes nothing.
    const next = deeds(region.asked.slice(at)).filter((name) => name !== own && name !== "CancelCommand");
    assert.equal(next[0], begun ? "TerminateInstances" : undefined, `at request ${at}: ${next.join(" ")}`);
    // The last requests are about what is there already.
    if (at < all - 1) assert.notEqual(answer, null, `at request ${at}`);
    assert.deepEqual(region.guarded.at(-1), { done: true });
  }
});

test("refused at any request: the program is told why, and nothing is left", async (t) => {
  const all = await countRequests(t);
  for (let at = 0; at < all; at++) {
    const {
      region,
      office,
      ask: asks,
    } = await open(t, (_, index, name) => {
      if (index === at) throw awsError("UnauthorizedOperation", `no right to ${name}`);
    });
    const answer = await asks();
    await office.finish();
    assert.match(answer ?? "", /^there is no builder: .*no right to \w+/, `at request ${at}`);
    assert.deepEqual(region.left(), [], `at request ${at}`);
  }
});

/** How many requests it takes until a builder is there. */
async function countRequests(t: TestContext): Promise<number> {
  const { region, office, ask: asks } = await open(t);
  await asks();
  const { length } = region.asked;
  await office.finish();
  return length;
}

test("a spot instance that is taken back: lost within seconds, ended, and followed by one on demand, once", async (t) => {
  const { region, office, way, lost, ask: asks } = await open(t);
  await asks();
  region.takeBack();
  for (let tries = 0; lost.length === 0; tries++) {
    assert.ok(tries < 100, "nobody noticed");
    await sleep(100);
  }
  await office.finish();
  assert.deepEqual(region.left(), []);
  assert.ok(office.canRent());
  office.begin();
  assert.equal(await asks(), null);
  assert.equal(way.place.shown, "i-02 (r6a.24xlarge on-demand in us-east-1b)");
  assert.ok(!office.canRent());
  await office.finish();
  assert.deepEqual(region.left(), []);
  assert.equal(lost.length, 1);
});

test("one that has used up its time or money is lost, and ended", async (t) => {
  const { region, office, lost, ask: asks } = await open(t, undefined, { minutes: 0.05 });
  await asks();
  for (let tries = 0; lost.length === 0; tries++) {
    assert.ok(tries < 100, "it goes on");
    await sleep(100);
  }
  assert.match(lost[0] ?? "", /^has used up its /);
  await office.finish();
  assert.deepEqual(region.left(), []);
});

test("the socket goes with the run", async (t) => {
  const { office, socket } = await open(t);
  assert.ok(existsSync(socket));
  office.close();
  assert.ok(!existsSync(socket));
});
