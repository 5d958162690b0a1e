import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { UserErrors } from "../../../../errors.ts";
import type { IncompleteModel, LockedModel } from "../../../../lib/locks/model-lock.ts";
import type { SourceAccess } from "../../../../tools/lock/ask.ts";
import { lockModels, modelMoves } from "../../../../tools/lock/lock-models.ts";
import { type FakeHub, respond, startFakeHub } from "../../../support/fake-hub.ts";

const sha256 = "a".repeat(64);
const commit = "c".repeat(40);
const url = "https://huggingface.co/o/n/resolve/main/vae/a.safetensors";
const path = "/o/n/resolve/main/vae/a.safetensors";
const stored = {
  "x-linked-size": "12",
  "x-linked-etag": `"${sha256}"`,
  "x-repo-commit": commit,
  location: "https://storage.invalid/signed",
};
const described = respond(200, {}, JSON.stringify({ gated: false, cardData: { license: "apache-2.0" } }));
const wanted: IncompleteModel = {
  name: "a.safetensors",
  folder: "models/vae",
  licence: null,
  source: "a list",
  url,
  size: null,
  sha256: null,
  gated: null,
};
const known: LockedModel = { ...wanted, size: 12, sha256 };

async function hub(context: TestContext, answers: Parameters<typeof startFakeHub>[0]): Promise<FakeHub> {
  const server = await startFakeHub(answers);
  context.after(() => server.stop());
  return server;
}
const asking = ({ address }: FakeHub, more: Partial<SourceAccess> = {}): SourceAccess => ({
  endpoint: address,
  mirrors: {},
  pauseMs: 1,
  ...more,
});
const lockOf = (entry: IncompleteModel) => ({ models: [], incomplete: [entry] });

test("size, hash, commit, licence and gate come from the hub, and nothing is downloaded", async (context) => {
  const server = await hub(context, { [path]: respond(302, stored), "/api/models/o/n": described });
  const before = lockOf({ ...wanted, about: 11 });
  const after = await lockModels(before, asking(server, { token: "hf_secret" }));
  assert.deepEqual(after, {
    models: [
      {
        name: "a.safetensors",
        folder: "models/vae",
        licence: "apache-2.0",
        source: "size and sha256 asked at the source, by `npm run lock -- models`",
        url: url.replace("main", commit),
        size: 12,
        sha256,
        gated: false,
      },
    ],
    incomplete: [],
  });
  assert.deepEqual(
    server.requests.map(({ method, authorization }) => [method, authorization]),
    [
      ["HEAD", "Bearer hf_secret"],
      ["GET", "Bearer hf_secret"],
    ],
  );
  assert.deepEqual(modelMoves(before, after), [
    ["models/vae/a.safetensors", "hash filled in", "aaaaaaaaaaaa", "12"],
  ]);
});

test("a second look changes nothing, and a hub that fails is an error", async (context) => {
  const server = await hub(context, {
    [path]: respond(302, stored),
    [path.replace("main", commit)]: respond(302, stored),
    "/api/models/o/n": described,
    "/api/models/o/failing": respond(500),
    [path.replace("/n/", "/failing/")]: respond(302, stored),
  });
  const first = await lockModels(lockOf(wanted), asking(server));
  const second = await lockModels(first, asking(server));
  assert.deepEqual(second, first);
  assert.deepEqual(modelMoves(first, second), []);
  const failing = lockOf({ ...wanted, url: url.replace("/n/", "/failing/") });
  await assert.rejects(lockModels(failing, asking(server)), /models\/vae\/a\.safetensors: .*answers 500/);
});

test("what the hub does not describe stays open", async (context) => {
  const server = await hub(context, { [path]: respond(302, stored) });
  const { models } = await lockModels(
    { models: [{ ...known, gated: true, licence: "MIT" }], incomplete: [] },
    asking(server),
  );
  assert.deepEqual([models[0]?.gated, models[0]?.licence], [true, "MIT"]);
});

test("another file at the source is an error, whether hash or size differs", async (context) => {
  const server = await hub(context, { [path]: respond(302, stored), "/api/models/o/n": described });
  for (const [change, problem] of [
    [{ sha256: "b".repeat(64) }, /serves another file now: sha256 aaa.*, the lock has bbb/],
    [{ size: 13 }, /serves another file now: size 12, the lock has 13\. Name the commit/],
  ] as const) {
    await assert.rejects(
      lockModels({ models: [{ ...known, ...change }], incomplete: [] }, asking(server)),
      problem,
    );
  }
});

test("a gated model names its page, and what is gone says so; all of it together", async (context) => {
  const server = await hub(context, { [path]: respond(403, { "x-error-code": "GatedRepo" }) });
  const gone = { ...wanted, name: "gone", url: `${url}.gone` };
  const lock = { models: [known], incomplete: [gone] };
  await assert.rejects(lockModels(lock, asking(server)), (error: UserErrors) => {
    assert.deepEqual(
      error.errors.map(({ message }) => message),
      [
        `models/vae/a.safetensors: ${url}: is gated. Accept the licence at https://huggingface.co/o/n and set HF_TOKEN.`,
        `models/vae/gone: ${url}.gone: is not served any more: 404. Give another address in locks/models.json.`,
      ],
    );
    return true;
  });
  await assert.rejects(
    lockModels({ models: [known], incomplete: [] }, asking(server, { token: "hf_secret" })),
    (error: Error) =>
      /is not given to the owner of HF_TOKEN/.test(error.message) && !error.message.includes("hf_secret"),
  );
});

const invalid = "Invalid credentials in Authorization header";
const disabled = "Access to this resource is disabled.";
const codes: readonly [number, Record<string, string>, string | undefined, RegExp][] = [
  [
    401,
    { "x-error-code": "GatedRepo" },
    undefined,
    /: is gated\. Accept the licence at .*\/o\/n and set HF_TOKEN/,
  ],
  [
    401,
    { "x-error-code": "RepoNotFound" },
    undefined,
    /: is private or gone\. Correct the address, or set HF_TOKEN/,
  ],
  [401, {}, undefined, /: is gated, private or gone\./],
  [
    404,
    { "x-error-code": "RepoNotFound" },
    "hf_a",
    /: is gone, or private and not for the owner of HF_TOKEN \(404\)/,
  ],
  [
    404,
    { "x-error-code": "EntryNotFound" },
    undefined,
    /: is not in its repository any more \(404 EntryNotFound\)/,
  ],
  [
    404,
    { "x-error-code": "RevisionNotFound" },
    "hf_a",
    /: is not in its repository any more \(404 RevisionNotFound\)/,
  ],
  [
    401,
    { "x-error-message": invalid },
    "hf_a",
    /: is not given: the hub does not know HF_TOKEN, or no longer\. Make a new/,
  ],
  [403, { "x-error-message": disabled }, "hf_a", /: is in a repository that the hub has shut \(403\)/],
  [
    403,
    { "x-error-code": "GatedRepo" },
    "hf_a",
    /: is not given to the owner of HF_TOKEN\. Accept the licence/,
  ],
  [400, {}, undefined, /: is answered with 400\./],
];
for (const [status, headers, token, problem] of codes) {
  test(`the hub's ${status} ${Object.values(headers)} is said for what it is`, async (context) => {
    const server = await hub(context, { [path]: respond(status, headers) });
    await assert.rejects(lockModels(lockOf(wanted), asking(server, { token })), problem);
  });
}

test("a renamed repository is followed on the hub; the token never leaves it", async (context) => {
  const other = await hub(context, {});
  const server = await hub(context, {
    [path]: respond(307, { location: path.replace("/n/", "/new/") }),
    [path.replace("/n/", "/new/")]: respond(302, { ...stored, location: `${other.address}/signed` }),
    "/api/models/o/n": described,
  });
  const { models } = await lockModels(lockOf(wanted), asking(server, { token: "hf_secret" }));
  assert.equal(models[0]?.sha256, sha256);
  assert.deepEqual(other.requests, []);
});

test("the hub's first word counts, and what lies elsewhere is not asked", async (context) => {
  const other = await hub(context, { "/file": respond(200, { "content-length": "12" }) });
  const server = await hub(context, {
    // To a cache of the hub itself, which says less.
    [path]: respond(302, { ...stored, location: "/cached" }),
    "/cached": respond(200, { "content-length": "12" }),
    // To another host, with nothing said about the file.
    [`${path}.elsewhere`]: respond(302, { location: `${other.address}/file` }),
    "/api/models/o/n": described,
  });
  assert.equal((await lockModels(lockOf(wanted), asking(server))).models[0]?.sha256, sha256);
  const elsewhere = lockOf({ ...wanted, url: `${url}.elsewhere` });
  await assert.rejects(lockModels(elsewhere, asking(server)), /does not say its sha256/);
  assert.deepEqual(other.requests, []);
});

test("a small file has no hash on the hub, and none is invented", async (context) => {
  const server = await hub(context, {
    [path]: respond(200, { etag: `"${"d".repeat(40)}"`, "content-length": "5", "x-repo-commit": commit }),
    "/api/models/o/n": described,
  });
  await assert.rejects(lockModels(lockOf(wanted), asking(server)), /its source does not say its sha256/);
  const { models } = await lockModels(lockOf({ ...wanted, sha256 }), asking(server));
  assert.equal(models[0]?.size, 5);
  assert.match(models[0]?.source ?? "", /sha256 as it was given/);
});

test("other hosts are asked for the size, without a token, and need a hash", async (context) => {
  const end = await hub(context, { "/file": respond(200, { "content-length": "7" }) });
  const server = await hub(context, { "/m/1": respond(302, { location: `${end.address}/file` }) });
  const mirrors = { "https://models.example.com/": `${server.address}/` };
  const elsewhere = { ...wanted, url: "https://models.example.com/m/1" };
  const { models } = await lockModels(
    lockOf({ ...elsewhere, sha256 }),
    asking(server, { mirrors, token: "hf_secret" }),
  );
  assert.equal(models[0]?.size, 7);
  assert.equal(models[0]?.url, elsewhere.url);
  for (const { authorization } of [...server.requests, ...end.requests])
    assert.equal(authorization, undefined);
  await assert.rejects(lockModels(lockOf(elsewhere), asking(server, { mirrors })), /does not say its sha256/);
});

test("a hub that says when to come again is not asked before", async (context) => {
  const times: number[] = [];
  const server = await hub(context, {
    [path]: (response) => {
      times.push(Date.now());
      if (times.length > 1) response.writeHead(302, stored).end();
      else response.writeHead(429, { "retry-after": new Date(Date.now() + 2_000).toUTCString() }).end();
    },
    "/api/models/o/n": described,
  });
  assert.equal((await lockModels(lockOf(wanted), asking(server))).models.length, 1);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 1_000, times.join());
});

test("a server without time is asked again, and one that is silent is named", async (context) => {
  let count = 0;
  const server = await hub(context, {
    [path]: (response) =>
      ++count < 3 ? response.writeHead(count === 1 ? 429 : 503).end() : response.writeHead(302, stored).end(),
    "/api/models/o/n": described,
  });
  assert.equal((await lockModels(lockOf(wanted), asking(server))).models.length, 1);
  const gone = asking({ ...server, address: "http://127.0.0.1:9" });
  await assert.rejects(
    lockModels(lockOf(wanted), gone),
    /127\.0\.0\.1:9: cannot be reached .*set HF_ENDPOINT/,
  );
});

test("a model that nobody gave a hash for has to have been there for the cool-down, where its source says", async (context) => {
  const coolDown = { days: 7, except: {} };
  const asked = `/api/models/o/n/paths-info/${commit}`;
  // As the hub answers `get_paths_info(expand=True)` of huggingface_hub.
  const changed = (date: string) =>
    respond(
      200,
      {},
      JSON.stringify([{ type: "file", path: "vae/a.safetensors", lastCommit: { id: commit, date } }]),
    );
  const day = new Date(Date.now() - 86_400_000).toISOString();
  const served = (date: string) =>
    hub(context, { [path]: respond(302, stored), "/api/models/o/n": described, [asked]: changed(date) });
  const young = await served(day);
  await assert.rejects(
    lockModels(lockOf(wanted), asking(young, { coolDown, token: "hf_x" })),
    /was put there on 20.*cool-down is 7 days.*models\/vae\/a\.safetensors in `except`/,
  );
  const question = young.requests.find((request) => request.path === asked);
  assert.deepEqual([question?.method, question?.authorization], ["POST", "Bearer hf_x"]);
  const excepted = { days: 7, except: { "models/vae/a.safetensors": "we made it" } };
  for (const [server, entry, waiting] of [
    [young, wanted, excepted],
    // Whoever gave the hash has looked at it.
    [young, { ...wanted, sha256 }, coolDown],
    [young, wanted, undefined],
    [await served("2026-01-01T00:00:00.000Z"), wanted, coolDown],
    // A mirror that does not know the question says nothing of dates.
    [await hub(context, { [path]: respond(302, stored), "/api/models/o/n": described }), wanted, coolDown],
  ] as const) {
    const lock = await lockModels(lockOf(entry), asking(server, waiting ? { coolDown: waiting } : {}));
    assert.equal(lock.models.length, 1);
  }
});
