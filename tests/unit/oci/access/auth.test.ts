import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { UserError } from "../../../../errors.ts";
import { authorize } from "../../../../oci/access/auth.ts";
import { findCredentials } from "../../../../oci/access/credentials.ts";
import { Transport } from "../../../../oci/access/transport.ts";
import { openLayer, readImage } from "../../../../oci/read/image.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../support/fake-registry.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "strata-auth-"));
});
after(() => rm(folder, { recursive: true }));

const writeConfig = (config: object) => writeFile(join(folder, "config.json"), JSON.stringify(config));
const encoded = (login: string) => Buffer.from(login).toString("base64");

/** Lets nobody in without the token that `/token` gives to `ada` with the password `love:lace`. */
function guard(registry: FakeRegistry): { tokens: number; valid: string } {
  const state = { tokens: 0, valid: "" };
  registry.intercept = (request, response) => {
    if (request.url?.startsWith("/token")) {
      const url = new URL(request.url, "http://any");
      assert.equal(url.searchParams.get("service"), "registry");
      assert.equal(url.searchParams.get("scope"), `repository:${REPOSITORY}:pull`);
      if (request.headers.authorization !== `Basic ${encoded("ada:love:lace")}`) {
        response.writeHead(401).end();
        return true;
      }
      state.valid = `token-${++state.tokens}`;
      response.end(JSON.stringify({ token: state.valid }));
      return true;
    }
    if (state.valid && request.headers.authorization === `Bearer ${state.valid}`) return false;
    const realm = `http://${registry.host}/token`;
    const challenge = `Bearer realm="${realm}",service="registry",scope="repository:${REPOSITORY}:pull"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
    return true;
  };
  return state;
}

describe("logging in", () => {
  test("a token is fetched with the stored login, kept, and fetched again when it has run out", async () => {
    await using registry = await startFakeRegistry();
    const state = guard(registry);
    registry.image("one", []);
    await writeConfig({ auths: { [registry.host]: { auth: encoded("ada:love:lace") } } });
    const transport = new Transport({ dockerConfig: folder });
    const reference = `${registry.host}/${REPOSITORY}:one`;
    await readImage(reference, transport);
    await readImage(reference, transport);
    assert.equal(state.tokens, 1);
    state.valid = "run out";
    await readImage(reference, transport);
    assert.equal(state.tokens, 2);
  });

  test("without a login the error says where to log in", async () => {
    await using registry = await startFakeRegistry();
    guard(registry);
    await writeConfig({});
    await assert.rejects(
      readImage(`${registry.host}/${REPOSITORY}:one`, new Transport({ dockerConfig: folder })),
      (error) =>
        error instanceof UserError &&
        /401 to an anonymous request/.test(error.problem) &&
        /docker login/.test(error.remedy),
    );
  });

  test("basic authentication, and 401 when there is no login for it", async () => {
    await using registry = await startFakeRegistry();
    registry.image("one", []);
    registry.intercept = (request, response) => {
      if (request.headers.authorization === `Basic ${encoded("ada:x")}`) return false;
      response.writeHead(401, { "www-authenticate": 'Basic realm="registry"' }).end();
      return true;
    };
    await writeConfig({});
    const reference = `${registry.host}/${REPOSITORY}:one`;
    await assert.rejects(
      readImage(reference, new Transport({ dockerConfig: folder })),
      /answered 401.*docker login/,
    );
    await writeConfig({ auths: { [registry.host]: { auth: encoded("ada:x") } } });
    await readImage(reference, new Transport({ dockerConfig: folder }));
  });

  test("no login is sent to a token service in the clear", async () => {
    const challenge = { scheme: "bearer", parameters: { realm: "http://token.invalid/" } };
    await assert.rejects(
      authorize("registry.invalid", "a", challenge, { kind: "password", username: "a", password: "b" }),
      /not encrypted/,
    );
  });
});

test("the token stays with the registry when a blob lies on another host", async () => {
  await using registry = await startFakeRegistry();
  await using store = await startFakeRegistry();
  const bytes = Buffer.from("layer");
  const layer = registry.blob("application/vnd.oci.image.layer.v1.tar", bytes);
  guard(registry);
  const guarded = registry.intercept;
  registry.intercept = async (request, response) => {
    if (await guarded?.(request, response)) return true;
    response.writeHead(307, { location: `http://${store.host}/stored` }).end();
    return true;
  };
  const seen: (string | undefined)[] = [];
  store.intercept = (request, response) => {
    seen.push(request.headers.authorization);
    response.end(bytes);
    return true;
  };
  await writeConfig({ auths: { [registry.host]: { auth: encoded("ada:love:lace") } } });
  const transport = new Transport({ dockerConfig: folder });
  const reference = `${registry.host}/${REPOSITORY}:one`;
  assert.ok((await buffer(openLayer(reference, layer, undefined, transport))).equals(bytes));
  assert.deepEqual(seen, [undefined]);
});

test("a registry that offers an unknown login before a known one lets in whoever has that", async () => {
  await using registry = await startFakeRegistry();
  registry.image("one", []);
  // Two headers, an unknown kind first: go-containerregistry looks through them (ping.go, pickFromMultipleChallenges).
  registry.intercept = (request, response) => {
    if (request.headers.authorization === `Basic ${encoded("ada:x")}`) return false;
    response.writeHead(401, { "www-authenticate": ["Negotiate", 'Basic realm="registry"'] }).end();
    return true;
  };
  await writeConfig({ auths: { [registry.host]: { auth: encoded("ada:x") } } });
  await readImage(`${registry.host}/${REPOSITORY}:one`, new Transport({ dockerConfig: folder }));
});

describe("findCredentials", () => {
  test("auths: host, old address form, identity token, Docker Hub", async () => {
    await writeConfig({
      auths: {
        "a.invalid": { auth: encoded("u:p:q") },
        "https://b.invalid/v1/": { auth: encoded("u:p") },
        "c.invalid": { auth: encoded("u:"), identitytoken: "t" },
        "https://index.docker.io/v1/": { auth: encoded("hub:p") },
      },
    });
    assert.deepEqual(await findCredentials("a.invalid", folder), {
      kind: "password",
      username: "u",
      password: "p:q",
    });
    assert.deepEqual(await findCredentials("b.invalid", folder), {
      kind: "password",
      username: "u",
      password: "p",
    });
    assert.deepEqual(await findCredentials("c.invalid", folder), { kind: "identity", token: "t" });
    assert.deepEqual(await findCredentials("docker.io", folder), {
      kind: "password",
      username: "hub",
      password: "p",
    });
    assert.equal(await findCredentials("d.invalid", folder), undefined);
    assert.equal(await findCredentials("a.invalid", join(folder, "absent")), undefined);
  });

  test("a helper is asked; one that knows nothing is no error; one that fails is", async () => {
    const helper = join(folder, "docker-credential-test");
    const script = `#!/bin/sh
read host
case "$host" in
  known.invalid) echo '{"Username":"ada","Secret":"s"}' ;;
  token.invalid) echo '{"Username":"<token>","Secret":"t"}' ;;
  unknown.invalid) echo 'credentials not found in native keychain'; exit 1 ;;
  *) echo 'locked' >&2; exit 1 ;;
esac
`;
    await writeFile(helper, script);
    await chmod(helper, 0o755);
    const path = process.env.PATH;
    process.env.PATH = `${folder}${delimiter}${path}`;
    try {
      await writeConfig({ credsStore: "test", credHelpers: { "other.invalid": "absent" } });
      assert.deepEqual(await findCredentials("known.invalid", folder), {
        kind: "password",
        username: "ada",
        password: "s",
      });
      assert.deepEqual(await findCredentials("token.invalid", folder), { kind: "identity", token: "t" });
      assert.equal(await findCredentials("unknown.invalid", folder), undefined);
      await assert.rejects(findCredentials("locked.invalid", folder), /docker-credential-test.*locked/);
      await assert.rejects(findCredentials("other.invalid", folder), /docker-credential-absent/);
    } finally {
      process.env.PATH = path;
    }
  });

  test("a damaged file is a user error", async () => {
    await writeFile(join(folder, "config.json"), "{");
    await assert.rejects(findCredentials("a.invalid", folder), UserError);
  });
});

describe("the token service", () => {
  /** What it was asked, and its answer. */
  async function ask(
    parameters: Record<string, string>,
    credentials: Parameters<typeof authorize>[3],
    answer: { status?: number; body: string },
  ) {
    await using service = await startFakeRegistry();
    const asked: string[] = [];
    service.intercept = async (request, response) => {
      asked.push(`${request.method} ${request.url}`, await text(request));
      response.writeHead(answer.status ?? 200).end(answer.body);
      return true;
    };
    const challenge = { scheme: "bearer", parameters: { realm: `http://${service.host}/t`, ...parameters } };
    const token = await authorize("r.invalid", "a/b", challenge, credentials).catch(String);
    return { asked, token };
  }

  test("an identity is exchanged with POST, for every scope at once", async () => {
    const scope = "repository:a:pull repository:b:push";
    const { asked, token } = await ask(
      { service: "s", scope },
      { kind: "identity", token: "id" },
      {
        body: '{"access_token":"t1"}',
      },
    );
    assert.equal(token, "Bearer t1");
    assert.equal(asked[0], "POST /t");
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked[1])), {
      grant_type: "refresh_token",
      client_id: "strata",
      refresh_token: "id",
      service: "s",
      scope,
    });
  });

  test("without a service or scope it is asked to pull, each scope a parameter of its own", async () => {
    const alone = await ask({}, undefined, { body: '{"token":"t2"}' });
    assert.equal(alone.token, "Bearer t2");
    assert.deepEqual(alone.asked, ["GET /t?scope=repository%3Aa%2Fb%3Apull", ""]);
    const two = await ask({ service: "s", scope: "x y" }, undefined, { body: '{"token":"t"}' });
    assert.equal(two.asked[0], "GET /t?service=s&scope=x&scope=y");
  });

  test("elsewhere it speaks HTTPS; of its address only the scope is replaced, and it has a time limit", async (t) => {
    const fetched = t.mock.method(globalThis, "fetch", async () => new Response('{"token":"t"}'));
    const realm = "https://token.invalid/t?scope=old&a=b";
    const challenge = { scheme: "bearer", parameters: { realm, scope: " x  y " } };
    assert.equal(await authorize("r.invalid", "a", challenge, undefined), "Bearer t");
    const [url, request] = (fetched.mock.calls[0]?.arguments ?? []) as unknown as [URL, RequestInit];
    assert.equal(url.href, "https://token.invalid/t?a=b&scope=x&scope=y");
    assert.ok(request.signal);
  });

  test("no token, no JSON, no service and another kind of login are errors", async () => {
    for (const body of ["{}", "token", '{"token":""}'])
      assert.match((await ask({}, undefined, { body })).token ?? "", /sent no token\. Try again later/, body);
    const login = { kind: "password", username: "a", password: "b" } as const;
    assert.match(
      (await ask({}, login, { status: 403, body: "" })).token ?? "",
      /answered 403 to the stored login for repository:a\/b:pull/,
    );
    const gone = await startFakeRegistry();
    await gone[Symbol.asyncDispose]();
    const at = (realm: string, scheme = "bearer") =>
      authorize("r", "a", { scheme, parameters: { realm } }, undefined);
    await assert.rejects(at(`http://${gone.host}/`), /its token service .* does not answer \(.*ECONNREFUSED/);
    await assert.rejects(
      at("https://h/", "negotiate"),
      /a login of a kind that is not known \("negotiate"\)/,
    );
    await assert.rejects(at(""), /is not known/);
    await assert.rejects(at("no address"), /is not known/);
  });
});

test("a token service that is away is asked again, as late as it says; a refusal is one at once", async () => {
  await using registry = await startFakeRegistry();
  registry.image("one", []);
  // Docker Hub's and distribution's token services answer as every web server does: 429 or 503, with Retry-After or without.
  const answers: (number | "broken")[] = [503, 429, "broken", 200];
  let asked = 0;
  registry.intercept = (request, response) => {
    if (request.headers.authorization === "Bearer t") return false;
    if (!request.url?.startsWith("/token")) {
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${registry.host}/token"` }).end();
      return true;
    }
    asked++;
    const answer = answers.shift() ?? 500;
    if (answer === "broken") request.socket.destroy();
    else response.writeHead(answer, answer === 429 ? { "retry-after": "7" } : {}).end('{"token":"t"}');
    return true;
  };
  const reference = `${registry.host}/${REPOSITORY}:one`;
  const transport = new Transport({ dockerConfig: "no-such-folder", attempts: 4, backoffMs: 1 });
  const paused: (string | null)[] = [];
  transport.pause = async (_, retryAfter = null) => void paused.push(retryAfter);
  await readImage(reference, transport);
  assert.deepEqual(paused, [null, "7", null]);

  const patient = () => new Transport({ dockerConfig: "no-such-folder", attempts: 3, backoffMs: 1 });
  answers.push(503, 503, 503);
  asked = 0;
  await assert.rejects(readImage(reference, patient()), (error: UserError) => {
    assert.match(error.problem, /answered 503 to an anonymous request/);
    assert.match(error.remedy, /busy or away.*try again later/);
    assert.doesNotMatch(error.remedy, /docker login/);
    return true;
  });
  assert.equal(asked, 3);
  answers.push(403);
  asked = 0;
  await assert.rejects(readImage(reference, patient()), /answered 403 .*docker login/);
  assert.equal(asked, 1);
});

test("a login without a colon is damaged, and a helper that answers nonsense is told of without its answer", async () => {
  await writeConfig({ auths: { "a.invalid": { auth: encoded("nocolon") } } });
  await assert.rejects(findCredentials("a.invalid", folder), /the entry for a\.invalid is damaged/);
  const helper = join(folder, "docker-credential-odd");
  await writeFile(helper, "#!/bin/sh\necho hunter22\n");
  await chmod(helper, 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${folder}${delimiter}${path}`;
  try {
    await writeConfig({ credsStore: "odd" });
    await assert.rejects(findCredentials("a.invalid", folder), (error: Error) => {
      assert.match(
        error.message,
        /docker-credential-odd: gave an answer for a\.invalid that is not what helpers/,
      );
      assert.ok(!error.message.includes("hunter22"));
      return true;
    });
  } finally {
    process.env.PATH = path;
  }
  await assert.rejects(findCredentials("a.invalid", join(folder, "docker-credential-odd")), /cannot be read/);
});
