import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { UserError } from "../../../errors.ts";
import { authorize, parseChallenge } from "../../../oci/auth.ts";
import { openLayer, readImage } from "../../../oci/client.ts";
import { findCredentials } from "../../../oci/credentials.ts";
import { Transport } from "../../../oci/transport.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "./support/fake-registry.ts";

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

test("parseChallenge reads quoted and bare values", () => {
  assert.deepEqual(parseChallenge('Bearer realm="https://a/b?c=d,e",service=x'), {
    scheme: "bearer",
    parameters: { realm: "https://a/b?c=d,e", service: "x" },
  });
  assert.equal(parseChallenge(null), undefined);
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
