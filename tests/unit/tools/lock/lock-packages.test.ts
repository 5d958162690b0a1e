/** Debian has fixed a package: the next `npm run lock` takes it, `system` is built anew, and what was known of it is gone. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import {
  type AptLock,
  aptLockPath,
  datedSince,
  formatAptLock,
  parseAptLock,
} from "../../../../lib/locks/apt-lock.ts";
import { baseImageNamed, parseImageLock } from "../../../../lib/locks/image-lock.ts";
import { partsOfPlan } from "../../../../lib/vulnerabilities/bill-parts.ts";
import { recipes } from "../../../../recipes/index.ts";
import { lockPackages } from "../../../../tools/lock/lock-packages.ts";
import { compareVulnerabilities } from "../../../../tools/vulnerabilities/find-vulnerabilities.ts";
import { openVulnerabilitySource } from "../../../../tools/vulnerabilities/open-vulnerability-source.ts";
import { startFakeOsv } from "../../../support/fake-osv.ts";
import { keysOf } from "../../../support/layers.ts";
import { debianRecord } from "../../../support/osv-records.ts";
import { planSampleStack } from "../../../support/stacks.ts";
import { temporaryFolder } from "../../support/folder.ts";

const base = "debian-bookworm";
const path = aptLockPath(base);
const text = readFileSync(join(repository, path), "utf8");
const committed = parseAptLock(text, path);
const today = "20270101T000000Z";

/** The archive as it is once it has fixed a package, and with it all that comes of the same source. */
function withFixed(name: string): AptLock {
  const source = dirname(committed.packages.get(name)?.path ?? assert.fail(`no ${name}`));
  const packages = [...committed.packages.values()].map((old) => {
    const version = `${old.version}+deb12u1`;
    const fixed = { ...old, version, sha256: "f".repeat(64), path: old.path.replace(old.version, version) };
    return [old.name, dirname(old.path) === source ? fixed : old] as const;
  });
  return { ...committed, date: today, packages: new Map(packages) };
}

const planWith = (apt: AptLock) => planSampleStack({ recipe: "starter", apt: datedSince(committed, apt) });
const before = planWith(committed);
/** The names that a stage installs by its lock. */
const installed = (stage: string) =>
  new Set(
    [
      ...String(
        before.stages
          .find(({ name }) => name === stage)
          ?.files.find(({ path: file }) => file === "locked-packages.txt")?.content,
      ).matchAll(/^package (\S+)/gm),
    ].map(([, name = ""]) => name),
  );
/** The stages that are built anew once a package is fixed. */
const rebuilt = (name: string) => {
  const [old, now] = [keysOf(before), keysOf(planWith(withFixed(name)))];
  return Object.keys(now).filter((stage) => old[stage] !== now[stage]);
};

test("the lock takes what the archive has by now, and says how much of it moved", async (t) => {
  const root = temporaryFolder(t);
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  const images = parseImageLock(readFileSync(join(repository, "locks/images.json"), "utf8"));
  const image = images[base] ?? assert.fail();
  const told: string[] = [];
  const { images: fresh, files } = await lockPackages(
    root,
    { [base]: image },
    Object.values(recipes),
    async () => withFixed("binutils"),
    () => {},
    (line) => told.push(line),
  );
  const same = [...committed.packages.values()].filter(({ path: file }) => file.includes("/binutils/"));
  assert.deepEqual(told, [`${path}: ${same.length} of ${committed.packages.size} packages moved`]);
  assert.equal(fresh[base]?.packages?.date, today);
  assert.deepEqual(
    files.map((file) => [file.path, file.text]),
    [[path, formatAptLock(datedSince(committed, withFixed("binutils")))]],
  );
  // Nothing else of the image's pins moves.
  assert.deepEqual(baseImageNamed(base, fresh, {}), baseImageNamed(base, images, {}));
});

test("with a package that it installs `system` is built anew, and the fault that was fixed is no more known against it", async (t) => {
  assert.ok(installed("system").has("binutils"));
  const stages = rebuilt("binutils");
  for (const stage of ["system", "starter"]) assert.ok(stages.includes(stage), stages.join(" "));
  const version = committed.packages.get("binutils")?.version;
  const osv = await startFakeOsv({ [`Debian:12 binutils ${version}`]: ["DEBIAN-CVE-2026-9"] }, [
    debianRecord("CVE-2026-9", "binutils", `${version}+deb12u1`),
  ]);
  t.after(() => osv.stop());
  const source = await openVulnerabilitySource({ vulnerabilities: temporaryFolder(t) }, undefined, {
    STRATA_OSV_ADDRESS: osv.address,
  });
  const after = planWith(withFixed("binutils"));
  const { added, removed } = await compareVulnerabilities(partsOfPlan(before), partsOfPlan(after), source);
  assert.deepEqual(
    [added, removed.map(({ id, fixed }) => [id, fixed])],
    [[], [["CVE-2026-9", `${version}+deb12u1`]]],
  );
});

test("a package that only builds use leaves `system` as it is", () => {
  const [name = assert.fail("there is none")] = [...installed("toolbox")].filter(
    (each) => !installed("system").has(each) && !installed("interpreter").has(each),
  );
  const stages = rebuilt(name);
  assert.ok(stages.includes("toolbox"), `${name}: ${stages.join(" ")}`);
  for (const stage of ["system", "interpreter"])
    assert.ok(!stages.includes(stage), `${name}: ${stages.join(" ")}`);
});
