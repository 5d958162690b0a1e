import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRequirementFiles, readRequirements } from "../../../../lib/lock-making/requirement-files.ts";

const read = (text: string, more: Readonly<Record<string, string>> = {}) =>
  readRequirements("requirements.txt", new Map(Object.entries({ "requirements.txt": text, ...more })));

test("lines come without comments, blank lines and repetitions; continued ones are one line", () => {
  const { lines, warnings } = read(
    "# head\n\nnumpy<2  # why\r\n  pillow\nnumpy<2\npackaging \\\n  >=23\nname#not-a-comment\n",
  );
  assert.deepEqual(lines, ["numpy<2", "pillow", "packaging   >=23", "name#not-a-comment"]);
  assert.deepEqual(warnings, []);
});

test("the last line may lack its end, also when it is continued", () => {
  assert.deepEqual(read("six").lines, ["six"]);
  assert.deepEqual(read("six \\").lines, ["six"]);
});

test("includes are followed from where they are, circles end", () => {
  const { lines } = read("-r more/base.txt\n--requirement=other.txt\n", {
    "more/base.txt": "idna\n-r ../requirements.txt\n-r deep.txt\n",
    "more/deep.txt": "six\n",
    "other.txt": "attrs\n",
  });
  assert.deepEqual(lines, ["idna", "six", "attrs"]);
});

test("an include that is not there is an error", () => {
  assert.throws(() => read("-r ../outside.txt\n"), /requirements\.txt: includes \.\.\/outside\.txt/);
});

test("a file that is no text is an error, not a list of strange names", () => {
  const problem = /more\.txt: is neither UTF-8 nor UTF-16 text\. Name other files in the recipe/;
  assert.throws(() => read("-r more.txt\n", { "more.txt": "s\0\0\0i\0\0\0x\0\0\0" }), problem);
});

test("options are named without their values: a lock holds no addresses of indexes", () => {
  const { lines, warnings } = read(
    "--extra-index-url https://index.example.com/simple\n-f https://x.example.com\n",
  );
  assert.deepEqual(lines, []);
  assert.deepEqual(warnings, [
    "requirements.txt:1 sets --extra-index-url, which does not count",
    "requirements.txt:2 sets -f, which does not count",
  ]);
});

test("hashes of a line go, what is editable stays as an address", () => {
  assert.deepEqual(read(`six==1.0 --hash=sha256:${"0".repeat(64)}\n`).lines, ["six==1.0"]);
  const { lines, warnings } = read("-e git+https://git.example.com/a/b\n-e .\n");
  assert.deepEqual(lines, ["git+https://git.example.com/a/b", "."]);
  assert.equal(warnings.length, 2);
});

test("what nothing pins and what the stack decides is warned of", () => {
  const { warnings } = read(
    [
      "clip @ git+https://git.example.com/openai/CLIP",
      "torch==2.1",
      "torch",
      "TorchVision >= 0.15 ; python_version > '3'",
      "torchaudio; sys_platform == 'linux'",
      "cmake",
      "torch-something==1",
      "??",
    ].join("\n"),
  );
  assert.deepEqual(warnings, [
    'requirements.txt:1: "clip @ git+https://git.example.com/openai/CLIP" is an address, which nothing pins',
    'requirements.txt:2: "torch==2.1" asks for a version of torch',
    `requirements.txt:4: "TorchVision >= 0.15 ; python_version > '3'" asks for a version of torchvision`,
    'requirements.txt:6: "cmake" is a build tool, which images do without',
    'requirements.txt:8: "??" is not a Python requirement',
  ]);
});

test("of lines for several systems only those are remarked on that an image has", () => {
  const wheel = (tag: string) => `https://example.com/flash_attn-2.7-${tag}.whl`;
  const { lines, warnings } = read(
    [
      `${wheel("cp310-cp310-win_amd64")} ; sys_platform == "win32" and python_version == "3.10"`,
      `${wheel("cp312-cp312-win_amd64")}; platform_system == "Windows"`,
      `flash-attn @ ${wheel("macosx_11_0_arm64")} ; sys_platform == 'darwin'`,
      `${wheel("cp39-cp39-linux_x86_64")} ; python_version == "3.9"`,
      `${wheel("cp312-cp312-linux_x86_64")} ; sys_platform == "linux" and python_version == "3.12"`,
      "torch==2.1 ; sys_platform == 'win32'",
      "numpy=1 ; sys_platform == 'win32'",
    ].join("\n"),
  );
  assert.equal(lines.length, 7, "what a node says stays in its lock");
  assert.deepEqual(warnings, [
    `requirements.txt:5: "${lines[4]}" is an address, which nothing pins`,
    `requirements.txt:7: "numpy=1 ; sys_platform == 'win32'" is not a Python requirement: "=1" names no version`,
  ]);
});

test("versions that no resolver will take are warned of when they are read", () => {
  const { lines, warnings } = read(
    "numpy=1.2\nsix>=1 <2\ntorch===2.1\ntz===2024a\na (>=1,)\nb>=1!2.0rc1,<2\n",
  );
  assert.equal(lines.length, 6, "what a node says stays in its lock");
  assert.deepEqual(warnings, [
    'requirements.txt:1: "numpy=1.2" is not a Python requirement: "=1.2" names no version',
    'requirements.txt:2: "six>=1 <2" is not a Python requirement: ">=1 <2" names no version',
    'requirements.txt:3: "torch===2.1" asks for a version of torch',
  ]);
});

test("requirements.txt counts, unless the recipe names others", () => {
  const paths = ["a.py", "requirements.txt", "requirements-dev.txt"];
  assert.deepEqual(chooseRequirementFiles("o/n", paths, undefined), ["requirements.txt"]);
  assert.deepEqual(chooseRequirementFiles("o/n", paths, ["requirements-dev.txt"]), ["requirements-dev.txt"]);
  assert.deepEqual(chooseRequirementFiles("o/n", paths, []), []);
  assert.deepEqual(chooseRequirementFiles("o/n", ["a.py", "docs/requirements.txt"], undefined), []);
});

test("two files, none named requirements.txt and nothing chosen: the error lists them", () => {
  const paths = ["requirements-no-cupy.txt", "requirements-with-cupy.txt", "a.py"];
  assert.throws(
    () => chooseRequirementFiles("o/n", paths, undefined),
    /o\/n: .*none is requirements\.txt: requirements-no-cupy\.txt, requirements-with-cupy\.txt\. Say in the recipe/,
  );
  assert.throws(
    () => chooseRequirementFiles("o/n", paths, ["requirements.txt"]),
    /o\/n: has no requirements\.txt; it has requirements-no-cupy\.txt/,
  );
});

test("only files of the first level that say so count as requirements, in any case", () => {
  const found = (...paths: string[]) => {
    try {
      chooseRequirementFiles("o/n", paths, undefined);
    } catch (error) {
      return /: (\S+(, \S+)*)\. Say/.exec(String(error))?.[1];
    }
    return undefined;
  };
  assert.equal(found("b-Requirements.TXT", "a_requirements_x.in"), "a_requirements_x.in, b-Requirements.TXT");
  assert.equal(found("a/requirements-b.txt", "requirements.md", "requirements.txt.bak"), undefined);
  assert.throws(() => chooseRequirementFiles("o/n", ["a"], ["b"]), /has no b; it has no requirement files/);
});

test("short and long options, wherever they stand in a line", () => {
  const more = { "a.txt": "six\n", "b.txt": "idna\n" };
  assert.deepEqual(read("-ra.txt\n--requirement b.txt\n", more).lines, ["six", "idna"]);
  assert.deepEqual(read("--editable=git+https://h/a\n").lines, ["git+https://h/a"]);
  assert.deepEqual(read("a --config-settings=x\nb --global-option y\nc --hashes\n").lines, [
    "a",
    "b",
    "c --hashes",
  ]);
  assert.deepEqual(read("a\\\n").lines, ["a"]);
  assert.deepEqual(read("six\rattrs\r\nidna").lines, ["six", "attrs", "idna"]);
  assert.deepEqual(read("-i x\n-i x\n").warnings.length, 2);
  assert.deepEqual(read("torch [extra] \nTORCH[a]>=2\n").warnings.length, 1);
});
