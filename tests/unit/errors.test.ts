import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError, withPackage } from "../../errors.ts";

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from x.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  });

test("an optional package that is missing is named with the command that installs it", async () => {
  assert.equal(await withPackage("@pulumi/aws", () => Promise.resolve(1)), 1);
  await assert.rejects(
    withPackage("@pulumi/aws", () => Promise.reject(missing("@pulumi/aws"))),
    new UserError(
      "@pulumi/aws",
      "is not installed, and this stack needs it.",
      "Run: npm install @pulumi/aws",
    ),
  );
});

test("any other failure is not taken for it", async () => {
  for (const error of [missing("@pulumi/aws-native"), new Error("'@pulumi/aws' is broken")])
    await assert.rejects(
      withPackage("@pulumi/aws", () => Promise.reject(error)),
      error,
    );
});
