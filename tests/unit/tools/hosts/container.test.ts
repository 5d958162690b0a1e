/** What lib/hosts/container.sh asks of an engine, and what is made of its answers: with a program that stands in for one. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { repository } from "../../../../home.ts";
import { completeRun } from "../../../../lib/evidence/check-results.ts";
import { recipeNames, recipes } from "../../../../recipes/index.ts";
import { withDoor } from "../../../../recipes/with-door.ts";
import { HEALTHCHECK, testInContainers } from "../../../../tools/hosts/container.ts";
import type { ContainerEngine } from "../../../../tools/hosts/container-script.ts";
import { HostTrouble, LocalMachine } from "../../../../tools/hosts/machine.ts";
import type { TestRequest } from "../../../../tools/hosts/test-host.ts";
import { passedRun } from "../../../support/evidence.ts";
import { contextOf } from "../../../support/stacks.ts";
import { script, temporaryFolder } from "../../support/folder.ts";

const reference = `registry.test/strata@sha256:${"a".repeat(64)}`;

/** What the engine says to a verb, as a line of shell; `$*` are the words after it. */
type Answers = Readonly<Record<string, string>>;

const healthy: Answers = {
  "image inspect": "exit 1",
  cp: `case "$*" in *evidence.json*) tar -C "$FOLDER" -c evidence.json ;; *) cat >"$FOLDER/stdin.tar" ;; esac`,
  start: "echo pass 10-imports",
  logs: `case "$*" in *timestamps*) date -u +%Y-%m-%dT%H:%M:%S.%NZ ;; *) echo a line of its log ;; esac`,
  inspect: `case "$*" in *RestartCount*) echo 0 running ;; *ExitCode*) echo 0 false ;; esac`,
};

interface Setting {
  readonly asked: () => string[];
  test(engine?: Partial<ContainerEngine>, order?: Partial<TestRequest>): ReturnType<typeof testInContainers>;
}

/** A machine whose engine answers as told, and notes what it was asked; the parts that differ by run are replaced. */
function setting(
  t: TestContext,
  answers: Answers = {},
  {
    report = passedRun as unknown,
    smi = "exit 9",
  }: { readonly report?: unknown; readonly smi?: string | null } = {},
): Setting {
  const folder = temporaryFolder(t);
  const log = join(folder, "asked");
  writeFileSync(log, "");
  writeFileSync(join(folder, "evidence.json"), typeof report === "string" ? report : JSON.stringify(report));
  const cases = Object.entries({ ...healthy, ...answers }).map(
    ([verb, answer]) => `  "${verb} "*) ${answer} ;;`,
  );
  const says =
    'case "$0" in */docker) echo "Docker version 26.1.5, build a72d7cd" ;; *) echo "podman version 4.3.1" ;; esac';
  const engine = [
    `FOLDER=${folder}`,
    `[ "$1" != --version ] || { ${answers["--version"] ?? says}; exit; }`,
    `echo "\${0##*/} $*" >>${log}`,
    // Docker's own options before the verb say nothing to it.
    'while [ "$1" = --config ] || [ "$1" = --host ]; do shift 2; done',
    'case "$* " in',
    ...cases,
    "esac",
  ].join("\n");
  script(join(folder, "bin", "docker"), engine);
  script(join(folder, "bin", "podman"), engine);
  if (smi !== null) script(join(folder, "bin", "nvidia-smi"), smi);
  // The script looks once more after a moment; what stands in for an engine has none.
  script(join(folder, "bin", "sleep"), "exit 0");
  const before = process.env.PATH;
  process.env.PATH = `${join(folder, "bin")}:${before}`;
  t.after(() => {
    process.env.PATH = before;
  });
  return {
    asked: () =>
      readFileSync(log, "utf8")
        .replaceAll(/strata-smoke-[0-9a-f]{12}/g, "NAME")
        .replaceAll(/strata\.smoke\.until=\d+/g, "UNTIL")
        .replaceAll(reference, "IMAGE")
        .replaceAll(/(--config|--authfile) \S+/g, "$1 FOLDER")
        .trim()
        .split("\n"),
    test: (engine = {}, order = {}) =>
      testInContainers(
        new LocalMachine(),
        { command: "docker", gpu: false, keepImage: false, login: { kind: "none" }, ...engine },
        {
          reference,
          computeCapabilities: ["8.9"],
          minimumDriver: "580.65.06",
          hasZstd: false,
          deadline: Date.now() + 60_000,
          signal: new AbortController().signal,
          ...order,
        },
      ),
  };
}

const smi = (driver = "580.95.05", capability = "8.9") =>
  `echo "NVIDIA L4, ${driver}, ${capability}, 23034 MiB"`;

test("the whole way of a test: every command, in order", async (t) => {
  const { asked, test } = setting(t);
  const { report, preparation } = await test();
  assert.equal(report.verdict, "pass");
  assert.deepEqual(report.due, [...completeRun, "90-container"]);
  assert.deepEqual(
    report.checks.slice(completeRun.length).map(({ id, status }) => `${status} ${id}`),
    ["pass 90-container.stranger", "pass 90-container.restarts"],
  );
  assert.ok((preparation.pullSeconds ?? 0) > 0);
  assert.ok((preparation.startSeconds ?? -1) >= 0);
  assert.deepEqual(asked(), [
    "docker ps --quiet",
    "docker ps --all --quiet --filter label=strata.smoke.until",
    "docker volume ls --quiet --filter label=strata.smoke.until",
    "docker image inspect IMAGE",
    "docker pull --quiet IMAGE",
    "docker create --name NAME --label UNTIL --user 0:0 --network none --entrypoint python3 IMAGE /smoke/run.py --user strata --out /tmp/evidence.json",
    "docker cp - NAME:/",
    "docker start --attach NAME",
    "docker logs --timestamps NAME",
    "docker inspect --format {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}} NAME",
    "docker cp NAME:/tmp/evidence.json -",
    'docker image inspect --format {{index .Config.Labels "strata.layers"}} IMAGE',
    "docker volume create --label UNTIL NAME",
    "docker run --rm --label UNTIL --network none --user 0:0 --volume NAME:/workspace --entrypoint chown IMAGE 4242:4242 /workspace",
    "docker run --detach --name NAME-serve --label UNTIL --network none --restart on-failure:5 --user 4242:4242 --volume NAME:/workspace --env STRATA_MODELS=off IMAGE",
    `docker exec NAME-serve ${HEALTHCHECK}`,
    "docker inspect --format {{.RestartCount}} {{.State.Status}} NAME-serve",
    "docker logs NAME-serve",
    "docker rm --force --volumes NAME",
    "docker rm --force --volumes NAME-serve",
    "docker volume rm --force NAME",
    "docker image rm IMAGE",
    "docker ps --all --quiet --filter name=NAME",
  ]);
});

test("an image behind the one login is asked by the health check that knows the ports behind it", async (t) => {
  const layers = `case "$*" in *strata.layers*) echo '["python","caddy","door","runtime"]' ;; esac`;
  const { asked, test } = setting(t, { "image inspect": layers, image: layers });
  await test();
  const served = asked().filter((line) => /--detach|exec/.test(line));
  assert.match(served[0] ?? "", / --user 4242:4242 /);
  assert.deepEqual(served.slice(1), ["docker exec NAME-serve /opt/strata/door/healthcheck"]);
});

test("an instance, all of which is root's, is served as root, and asked by its own health check", async (t) => {
  const layers = `case "$*" in *strata.layers*) echo '["python","instance","runtime"]' ;; esac`;
  const { asked, test } = setting(t, { "image inspect": layers, image: layers });
  await test();
  const served = asked().filter((line) => /--detach|exec|chown/.test(line));
  assert.deepEqual(
    served.map((line) => /(?<=--user )\S+(?= --volume \S+ --env)|(?<=exec ).*|\S+ \S+$/.exec(line)?.[0]),
    ["0:0 /workspace", "0:0", "NAME-serve /opt/instance-tools/bin/healthcheck"],
  );
});

test("with a GPU the containers get it, the checks have to find it, and the card has to be the right one", async (t) => {
  for (const [command, flags] of [
    ["docker", "--gpus all"],
    ["podman", "--device nvidia.com/gpu=all --security-opt label=disable"],
  ] as const) {
    const { asked, test } = setting(t, {}, { smi: smi() });
    await test({ command, gpu: true });
    const made = asked().filter(
      (line) => / (create|run --detach) /.test(line) && !line.includes("volume create"),
    );
    assert.equal(made.length, 2, made.join("\n"));
    for (const line of made) assert.ok(line.includes(` ${flags} `), line);
    assert.ok(made[0]?.endsWith("/smoke/run.py --user strata --out /tmp/evidence.json --gpu"), made[0]);
  }
});

// What `docker version` says of a server, as Docker 26.1 and podman 4.3 (behind Docker's own program) do.
const server = (name: string, version: string) =>
  `case "$*" in *json*) echo '{"Components":[{"Name":"${name}"}]}' ;; *) echo '${version}' ;; esac`;

test("podman under Docker's name, or behind Docker's program, gets the GPUs and everything else as podman does", async (t) => {
  // Debian's podman-docker; the note comes by stderr.
  const alias = {
    "--version": "echo 'Emulate Docker CLI using podman.' >&2; echo 'podman version 4.3.1'",
    login: `for word in "$@"; do case "$word" in */auth.json) echo {} >"$word" ;; esac; done`,
  };
  const login = { kind: "password", username: "u", password: "p" } as const;
  const named = setting(t, alias, { smi: smi() });
  await named.test({ gpu: true, login });
  const behind = setting(t, { version: server("Podman Engine", "4.3.1") }, { smi: smi() });
  await behind.test({ gpu: true });
  const linked = setting(t, { ...alias, "--version": "echo docker version 4.3.1" }, { smi: smi() });
  await linked.test({ gpu: true, login });
  for (const { asked } of [named, behind, linked]) {
    const made = asked().filter((line) => / (create --name|run --detach) /.test(line));
    assert.equal(made.length, 2);
    for (const line of made) {
      assert.match(line, / --device nvidia\.com\/gpu=all --security-opt label=disable /);
      assert.doesNotMatch(line, /--gpus/);
    }
  }
  assert.ok(named.asked().includes("docker pull --quiet --authfile FOLDER IMAGE"), named.asked().join("\n"));
  assert.ok(named.asked().includes("docker rm --force --volumes --time 0 NAME"));
});

test("an engine that cannot read the image's layers says so before it downloads them", async (t) => {
  const hasZstd = true;
  for (const version of ["20.10.24+dfsg1", "19.03.15", "1.13.1"]) {
    const { asked, test } = setting(t, { version: server("Engine", version) });
    await assert.rejects(test({}, { hasZstd }), (error: unknown) => {
      assert.ok(error instanceof HostTrouble);
      assert.ok(error.message.startsWith(`Docker ${version} on this host cannot read`), error.message);
      assert.match(error.message, /23\.0 or newer\. Update it, or set strata:compression to gzip$/);
      return true;
    });
    assert.ok(!asked().some((line) => line.includes("pull")), version);
    await test({}, { hasZstd: false });
  }
  for (const version of ["23.0.0", "26.1.5", "library-import", ""]) {
    await setting(t, { version: server("Engine", version) }).test({}, { hasZstd });
  }
  await setting(t, { version: server("Podman Engine", "4.3.1") }).test({}, { hasZstd });
  await setting(t, { version: server("Engine", "20.10.24") }).test({ command: "podman" }, { hasZstd });
});

test("nvidia-smi is found where WSL 2 and others keep it", async (t) => {
  for (const place of ["usr/lib/wsl/lib", "usr/bin", "usr/local/nvidia/bin"]) {
    const folder = temporaryFolder(t);
    script(join(folder, place, "nvidia-smi"), smi());
    process.env.STRATA_ROOT = folder;
    t.after(() => {
      delete process.env.STRATA_ROOT;
    });
    const { asked, test } = setting(t, {}, { smi: null });
    await test({ gpu: true });
    assert.ok(asked().some((line) => line.includes("--gpus all")));
  }
  process.env.STRATA_ROOT = temporaryFolder(t);
  await assert.rejects(setting(t, {}, { smi: null }).test({ gpu: true }), /there is no nvidia-smi$/);
});

test("a host with too little memory for the image's own workflow is no verdict, and pulls nothing", async (t) => {
  const GIB = 2 ** 30;
  const info = (bytes: number | string) => ({
    info: `case "$*" in *"{{.MemTotal}}"*) echo ${bytes} ;; *) exit 1 ;; esac`,
  });
  const need = (gpu: number, ram: number) => ({ memory: { gpu: gpu * GIB, ram: ram * GIB } });
  for (const [memory, told] of [
    [
      need(24, 30),
      /this host has a card with 22\.5 GiB free; the image's own workflow needs a card of 24 GiB and 30 GiB/,
    ],
    [
      need(16, 35),
      /this host has 31\.0 GiB of memory; the image's own workflow needs a card of 16 GiB and 35 GiB/,
    ],
  ] as const) {
    const { asked, test } = setting(t, info(31 * GIB), { smi: smi() });
    await assert.rejects(test({ gpu: true }, memory), (error: unknown) => {
      assert.ok(error instanceof HostTrouble);
      assert.match(error.message, told);
      return true;
    });
    assert.ok(!asked().some((line) => line.includes("pull")));
  }
  await setting(t, info(31 * GIB), { smi: smi() }).test({ gpu: true }, need(22, 31));
  // podman has it elsewhere; what is not told is not held against a machine.
  const podman = { info: `case "$*" in *.Host.MemTotal*) echo ${64 * GIB} ;; *) exit 125 ;; esac` };
  await setting(t, podman, { smi: smi() }).test({ command: "podman", gpu: true }, need(16, 35));
  const shared = `echo "NVIDIA GB10, 580.95.05, 8.9, [N/A]"`;
  await setting(t, info("unknown"), { smi: shared }).test({ gpu: true }, need(16, 35));
  const { asked, test } = setting(t, {}, { smi: smi() });
  await test({ gpu: true });
  assert.ok(!asked().some((line) => line.includes(" info ")), "nobody asks where no workflow is run");
});

const troubles: Record<string, { smi: string; told: RegExp }> = {
  "no driver": { smi: "exit 9", told: /the NVIDIA driver of this host does not work/ },
  "an old driver": { smi: smi("575.57.08"), told: /driver 575\.57\.08 is older than 580\.65\.06/ },
  "another card": {
    smi: smi("580.95.05", "8.6"),
    told: /NVIDIA L4 has compute capability 8\.6; the image is for 8\.9/,
  },
  "a driver that tells nothing": { smi: "echo '[N/A], [N/A], [N/A]'", told: /tells nothing/ },
};

for (const [name, { smi: says, told }] of Object.entries(troubles)) {
  test(`${name}: trouble of the host, and the image is not even pulled`, async (t) => {
    const { asked, test } = setting(t, {}, { smi: says });
    await assert.rejects(test({ gpu: true }), (error: unknown) => {
      assert.ok(error instanceof HostTrouble);
      assert.match(error.message, told);
      return true;
    });
    assert.ok(!asked().some((line) => line.includes("pull")));
  });
}

test("an engine that does not answer, or cannot pull, is trouble of the host", async (t) => {
  await assert.rejects(
    setting(t, { ps: "exit 1" }).test(),
    /HostTrouble: docker does not answer on this host/,
  );
  await assert.rejects(
    setting(t, { pull: "echo 'write: no space left on device' >&2; exit 1" }).test(),
    /HostTrouble: .*no space left on device/,
  );
  await assert.rejects(
    setting(t, { pull: "exec /bin/sleep 30" }).test({}, { deadline: Date.now() + 1_500 }),
    /HostTrouble: the image was not here after 1 s/,
  );
});

test("what the registry does not have, or does not give out, is nobody's trouble but the caller's", async (t) => {
  for (const says of [
    "manifest unknown",
    "unauthorized: authentication required",
    "denied: requested access",
  ]) {
    const { test } = setting(t, { pull: `echo '${says}' >&2; exit 1` });
    await assert.rejects(
      test(),
      (error: unknown) => error instanceof UserError && error.message.includes(says),
    );
  }
});

test("an image that was there is neither pulled nor removed", async (t) => {
  const { asked, test } = setting(t, {
    "image inspect": "exit 0",
  });
  assert.equal((await test()).preparation.pullSeconds, 0);
  assert.ok(!asked().some((line) => /pull|image rm/.test(line)));
});

test("a login: the password comes by stdin, into a place that is gone afterwards", async (t) => {
  const login = { kind: "password", username: "somebody", password: "the-password" } as const;
  const keep = (name: string) => ({
    [name]: `cat >"$FOLDER/password"; for word in "$@"; do case "$word" in */auth.json) echo {} >"$word" ;; esac; done`,
  });
  const docker = setting(t, keep("login"));
  await docker.test({ login });
  assert.deepEqual(
    docker.asked().filter((line) => /login|pull/.test(line)),
    [
      "docker --config FOLDER login --username somebody --password-stdin registry.test",
      "docker --config FOLDER pull --quiet IMAGE",
    ],
  );
  const rootless = setting(t, { ...keep("login"), "context inspect": "echo unix:///run/user/7/docker.sock" });
  await rootless.test({ login });
  assert.deepEqual(
    rootless.asked().filter((line) => /login|pull/.test(line)),
    [
      "docker --config FOLDER --host unix:///run/user/7/docker.sock login --username somebody --password-stdin registry.test",
      "docker --config FOLDER --host unix:///run/user/7/docker.sock pull --quiet IMAGE",
    ],
  );
  const podman = setting(t, keep("login"));
  await podman.test({ login, command: "podman" });
  assert.deepEqual(
    podman.asked().filter((line) => /login|pull/.test(line)),
    [
      "podman login --authfile FOLDER --username somebody --password-stdin registry.test",
      "podman pull --quiet --authfile FOLDER IMAGE",
    ],
  );
  for (const { asked } of [docker, podman]) assert.ok(!asked().join().includes("the-password"));
});

test("a refused login names the registry", async (t) => {
  const { test } = setting(t, { login: "echo 'unauthorized: bad password' >&2; exit 1" });
  await assert.rejects(
    test({ login: { kind: "password", username: "u", password: "p" } }),
    /UserError: .*registry\.test refuses the login: unauthorized: bad password/,
  );
});

test("podman speaks plain HTTP to a registry on loopback, and to no other", async (t) => {
  for (const [registry, flag] of [
    ["127.0.0.1:5000", " --tls-verify=false"],
    ["localhost:5000", " --tls-verify=false"],
    ["registry.test", ""],
  ]) {
    const image = `${registry}/strata@sha256:${"b".repeat(64)}`;
    const { asked, test } = setting(t);
    await test({ command: "podman" }, { reference: image });
    assert.ok(asked().includes(`podman pull --quiet${flag} ${image}`), asked().join("\n"));
  }
});

const faults: Record<string, { answers: Answers; report?: unknown; fails: RegExp }> = {
  "no Python in the image": {
    answers: {
      start: "echo 'exec: \"python3\": executable file not found in $PATH' >&2; exit 127",
      cp: `case "$*" in *evidence.json*) exit 1 ;; *) cat >/dev/null ;; esac`,
      inspect: `case "$*" in *ExitCode*) echo 127 false executable file not found ;; esac`,
    },
    fails: /^90-container\.start: they ended with status 127 and no findings: executable file not found/,
  },
  "a container that dies again and again": {
    answers: { inspect: `case "$*" in *RestartCount*) echo 5 exited ;; *) echo 0 false ;; esac` },
    fails: /^90-container\.restarts: 5 restarts, then exited$/,
  },
};

for (const [name, { answers, fails }] of Object.entries(faults)) {
  test(`${name}: a failed check, with evidence`, async (t) => {
    const { report } = await setting(t, answers).test();
    assert.equal(report.verdict, "fail");
    const failed = report.checks.filter(({ status }) => status === "fail");
    assert.deepEqual(failed.length, 1);
    assert.match(`${failed[0]?.id}: ${failed[0]?.reason}`, fails);
  });
}

test("an engine that cannot give the GPUs away, or a machine without memory, is trouble of the host", async (t) => {
  const cp = `case "$*" in *evidence.json*) exit 1 ;; *) cat >/dev/null ;; esac`;
  const ended = (words: string) => ({ cp, inspect: `case "$*" in *ExitCode*) echo ${words} ;; esac` });
  await assert.rejects(
    setting(t, ended("128 false could not select device driver")).test(),
    /HostTrouble: the engine cannot give a container the GPUs/,
  );
  await assert.rejects(setting(t, ended("137 true")).test(), /HostTrouble: the host ran out of memory/);
});

test("findings that are no findings are an error, not a pass", async (t) => {
  await assert.rejects(setting(t, {}, { report: '{"verdict":"pass"}' }).test(), UserError);
});

test("a failing check stays one, and the rest is looked at all the same", async (t) => {
  const [first] = passedRun.checks;
  const report = { ...passedRun, verdict: "fail", checks: [{ ...first, status: "fail", reason: "broken" }] };
  const tested = await setting(t, {}, { report }).test();
  assert.equal(tested.report.verdict, "fail");
  assert.equal(tested.report.checks.length, 3);
});

test("a host that could not test the image is not asked to serve it", async (t) => {
  const report = {
    ...passedRun,
    verdict: "inconclusive",
    checks: [{ id: "00-host", title: "t", status: "inconclusive", seconds: 0, reason: "no device" }],
  };
  const { asked, test } = setting(t, {}, { report });
  assert.equal((await test()).report.verdict, "inconclusive");
  assert.ok(!asked().some((line) => line.includes("--detach")));
});

test("a budget that ends before the image could be ready is no verdict", async (t) => {
  const slow = {
    exec: "exit 1",
    inspect: `case "$*" in *RestartCount*) echo 0 running ;; *Status*) echo running ;; *) echo 0 false ;; esac`,
  };
  await assert.rejects(
    setting(t, slow).test({}, { deadline: Date.now() + 32_000 }),
    /HostTrouble: the budget left \d s to see whether the image gets ready/,
  );
});

test("every image answers where the host asks whether it is healthy", () => {
  // Those that have another one by a layer, the script tells apart by that layer.
  const words = readFileSync(join(repository, "lib/hosts/container.sh"), "utf8");
  const others = [...words.matchAll(/check=(\/\S+)/g)].map(([, path]) => path);
  for (const recipe of recipeNames) {
    for (const door of [false, true]) {
      const { layers, runtime } = withDoor(recipes[recipe], door);
      const { command } = runtime(contextOf({ recipe })).healthcheck;
      const isUsual = !layers.some(({ name }) => name === "instance" || name === "door");
      assert.ok(
        isUsual ? command[0] === HEALTHCHECK : others.includes(command[0] ?? ""),
        `${recipe} ${command}`,
      );
    }
  }
});
