import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeSource,
  isOfInterest,
  packageVersion,
  pipCalls,
  sourceVersion,
} from "../../../../lib/lock-making/node-source.ts";
import { parseGitmodules } from "../../../../lib/lock-making/submodules.ts";

const files = (entries: Readonly<Record<string, string>>) => new Map(Object.entries(entries));
const callOf = (line: string) => pipCalls(files({ "node.py": `import x\n${line}\n` }));

for (const line of [
  'subprocess.check_call([sys.executable, "-m", "pip", "install", "six"])',
  "subprocess.run([sys.executable, '-s', '-m', 'pip', 'install'] + packages)",
  'os.system(f"{sys.executable} -m pip install {name}")',
  `os.system(f'"{sys.executable}" {flag} -m pip uninstall -y cupy')`,
  'command = "pip install six"',
  'command = ["uv", "pip", "install", "six"]',
  'subprocess.run("uv pip install six", shell=True)',
  'pip.main(["install", "six"])',
  "from pip._internal import main as pip_main",
  'run(["pip3", "install", "six"])',
]) {
  test(`a call of pip is found: ${line}`, () => assert.deepEqual(callOf(line), ["node.py:2 calls pip"]));
}

for (const line of [
  "# pip install six",
  'print("pip install six")',
  'raise ImportError("try: pip install six")',
  'logger.error("Install with: pip install six")',
  "'Please run \"pip install six\" first'",
  'subprocess.check_output([sys.executable, "-m", "pip", "freeze"])',
  '"""\npip.main() in a text\n"""',
  "pipeline.main()",
]) {
  test(`advice and questions are none: ${line}`, () => assert.deepEqual(callOf(line), []));
}

test("each file is named once, and only Python is read", () => {
  const call = 'pip.main(["install"])\n';
  assert.deepEqual(pipCalls(files({ "a.py": call.repeat(3), "README.md": "pip install x" })), [
    "a.py:1 calls pip",
  ]);
});

test("ComfyUI's own version file comes before pyproject.toml", () => {
  const project = '[tool.x]\nversion = "9"\n\n[project]\nname = "n"\nversion = "1.2.3"  # now\n';
  assert.equal(
    sourceVersion(files({ "pyproject.toml": project, "comfyui_version.py": '__version__ = "0.33.0"\n' })),
    "0.33.0",
  );
  assert.equal(sourceVersion(files({ "pyproject.toml": project })), "1.2.3");
  assert.equal(sourceVersion(files({ "pyproject.toml": '[project]\ndynamic = ["version"]\n' })), null);
  assert.equal(sourceVersion(files({})), null);
});

test("a package's version is read wherever its sources have it", () => {
  for (const [path, text] of Object.entries({
    "pyproject.toml": '[tool.poetry]\nversion = "1.0"\n',
    "setup.cfg": "[metadata]\nversion = 1.0\n",
    "setup.py": 'setup(name="n", version="1.0")\n',
    "package/__init__.py": '__version__ = "1.0"\n',
    "src/package/_version.py": "__version__: str = '1.0'\n",
  })) {
    assert.equal(packageVersion(files({ [path]: text })), "1.0", path);
  }
  assert.equal(packageVersion(files({ "setup.py": 'VERSION = "1.0"\nsetup(version=VERSION)\n' })), "1.0");
  assert.equal(packageVersion(files({ "setup.py": "setup(version=compute())\n" })), undefined);
  assert.equal(packageVersion(files({ "tests/deep/x.py": '__version__ = "1.0"' })), undefined);
});

test("pyproject.toml is read as TOML, whatever form its author gave it", () => {
  const versionOf = (text: string) => packageVersion(files({ "pyproject.toml": text }));
  for (const text of [
    "[project]\r\nname = 'n'\r\nversion='1.0'\r\n",
    '[ project ]\nname = "n"\nversion = "1.0" # 9.0\n',
    'project.version = "1.0"\n[tool.x]\nversion = "9"\n',
    'project = { name = "n", version = "1.0" }\n',
    '["project"]\n"version" = "1\\u002e0"\n',
    '[project]\ndescription = """\nversion = "9"\n"""\nversion = "1.0"\n',
    // What setuptools computes, poetry may still say.
    '[project]\ndynamic = ["version"]\n[tool.poetry]\nversion = "1.0"\n',
    '[tool.x]\nhuge = 9223372036854775807\n[project]\nversion = "1.0"\n',
  ]) {
    assert.equal(versionOf(text), "1.0", text);
  }
  for (const text of [
    '[project]\n# version = "9"\n',
    '[project.urls]\nversion = "9"\n',
    "[project]\nversion = 1.0\n",
    '[project]\nversion = ""\n',
    '[project]\nversion = "9"\nversion = "9"\n',
    "<<<<<<< HEAD\n",
  ]) {
    assert.equal(versionOf(text), undefined, text);
  }
  assert.equal(
    packageVersion(files({ "pyproject.toml": "no TOML at all", "setup.cfg": "[metadata]\nversion = 1.0\n" })),
    "1.0",
  );
});

test("what a node brings beside its code is described", () => {
  const source = describeSource(
    files({
      "requirements.txt": "six\n",
      "install.py": 'pip.main(["install"])\n',
      "prestartup_script.py": "",
      "sub/install.py": "",
      "model.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
    }),
    ["requirements.txt"],
  );
  assert.deepEqual(source, {
    version: null,
    requirements: { "requirements.txt": ["six"] },
    scripts: ["install.py", "prestartup_script.py"],
    pointers: ["model.bin"],
    warnings: ["install.py:1 calls pip"],
  });
});

test("large files and submodules are not read, small ones may be pointers", () => {
  const entry = (path: string, size: number | null) => isOfInterest({ path, size, object: "" });
  assert.ok(entry("a.py", 50_000) && entry(".gitmodules", 5_000) && entry("model.bin", 130));
  assert.ok(!entry("model.bin", 5_000) && !entry("data.py", 3_000_000) && !entry("extern", null));
});

test("submodules' addresses become absolute and like those of recipes", () => {
  const text = [
    '[submodule "a"]\n\tpath = extern/a\n\turl = ../other.git\n',
    '[submodule "b"]\n\tpath = "b"\n\turl = https://git.example.com/x/b.git/\n\tbranch = main\n',
    '[submodule "c"]\n\turl = git@git.example.com:x/c.git\n\tpath = c/\n',
    '[submodule "d"]\n\tpath = d\n\turl = /srv/git/d\n',
    '[submodule "e"]\n\tpath = e\n\turl = ../../far/e\n',
  ].join("");
  assert.deepEqual(parseGitmodules(text, "https://git.example.com/owner/name"), [
    { path: "extern/a", repository: "https://git.example.com/owner/other" },
    { path: "b", repository: "https://git.example.com/x/b" },
    { path: "c", repository: "https://git.example.com/x/c" },
    { path: "e", repository: "https://git.example.com/far/e" },
  ]);
  assert.deepEqual(parseGitmodules("", "https://git.example.com/owner/name"), []);
});

test("exactly the largest pointer and text are read", () => {
  const entry = (path: string, size: number) => isOfInterest({ path, size, object: "" });
  assert.ok(entry("model.bin", 1023) && !entry("model.bin", 1024));
  assert.ok(entry("a.py", 2_000_000) && !entry("a.py", 2_000_001));
  for (const path of ["a.txt", "a.in", "a.toml", "a.cfg", ".gitmodules"]) assert.ok(entry(path, 9_000), path);
  for (const path of ["a.python", "py", "a.pyc"]) assert.ok(!entry(path, 9_000), path);
});

test("a version is read where build tools believe it first, and only a version", () => {
  const all = {
    "pyproject.toml": '[project]\nversion = "1.0"\n',
    "setup.cfg": "version = 2.0\n",
    "setup.py": 'VERSION = "4.0"\nsetup(version="3.0")\n',
    "p/x.py": '__version__ = "5.0"\n',
  };
  const names = Object.keys(all) as (keyof typeof all)[];
  const read = names.map((_, index) => {
    const left = Object.fromEntries(names.slice(index).map((name) => [name, all[name]]));
    return packageVersion(files(left));
  });
  assert.deepEqual(read, ["1.0", "2.0", "3.0", "5.0"]);
  for (const [path, text] of [
    ["pyproject.toml", '[project.urls]\nversion = "1.0"\n'],
    ["pyproject.toml", '[project]\nname = "n"\n[tool.x]\nversion = "1.0"\n'],
    ["setup.cfg", "version = attr: p.v\n"],
    ["setup.cfg", "python_version = 3\n"],
    ["setup.py", 'setup(python_version="3.9")\n'],
    ["p/x.py", 'x__version__ = "5.0"\n'],
    ["x.py", '__version__ = "5.0"\n'],
    ["lib/p/x.py", '__version__ = "5.0"\n'],
  ] as const)
    assert.equal(packageVersion(files({ [path]: text })), undefined, `${path}: ${text}`);
  assert.equal(packageVersion(files({ "setup.py": 'PACKAGE_VERSION = "6.0"\n' })), "6.0");
  assert.equal(packageVersion(files({ "pyproject.toml": '[project] # here\nversion = "7"\n' })), "7");
});

test("calls of pip in any spelling and with any spaces", () => {
  for (const line of [
    "run([sys.executable, '-m' , 'pip3' , 'install'])",
    "x = ['-m','pip']",
    "x = ['uv' , 'pip']",
    "x = ['uv','pip']",
    "x = ['pip' , 'uninstall']",
    "x = ['pip','install']",
    'x =  f"python -s -m pip3  install a"',
    'x+"uv pip install a"',
    '"pip install a"',
    "run(b'pip install a')",
    "CHECK_OUTPUT(cmd + ' pip3  uninstall a')",
    "os.popen('pip uninstall a')",
    "subprocess.call('pip install a', shell=True)",
    "pip._internal.main ([])",
    "from pip import main",
    "from pip._internal.cli.main import main",
    "run(['pip', 'install', '#x'])",
    "a = 1 # b\nrun(['pip', 'install'])".split("\n")[1] ?? "",
  ]) {
    assert.deepEqual(callOf(line), ["node.py:2 calls pip"], line);
  }
  for (const line of [
    "run() # x = ['pip', 'install']",
    "#x = ['pip', 'install']",
    "warn('pip install a')",
    "warnings.warn('pip install a')",
    "log.info('pip install a')",
    "logging.info('pip install a')",
    "raise RuntimeError('pip install a')",
    "run(['pip', 'list'])",
    "run(['pip', 'show', 'x'])",
    "run(['pip', 'check'])",
    "run(['pip', '--version'])",
    "system('apt install pipx')",
    "mypip.main()",
    "from pipx import main",
    "x = 'pip installs'",
  ]) {
    assert.deepEqual(callOf(line), [], line);
  }
  assert.deepEqual(pipCalls(files({ "a.py": '"""a\nb"""\npip.main([])\n', "a.txt": "pip.main([])" })), [
    "a.py:3 calls pip",
  ]);
});

test("spaces around a version are no part of it", () => {
  for (const [path, text] of Object.entries({
    "setup.cfg": "version=1.0\n",
    "setup.py": "setup(version = '1.0')",
    "pyproject.toml": "[project]\nversion='1.0'\n",
    "p/a.py": "  __version__  :  str  =  '1.0'\n",
  }))
    assert.equal(packageVersion(files({ [path]: text })), "1.0", path);
  const array = '[project]\ndependencies = [\n  "a[b]",\n]\nversion = "1.0"\n';
  assert.equal(packageVersion(files({ "pyproject.toml": array })), "1.0");
  assert.equal(packageVersion(files({ "pyproject.toml": '[project]\nmin_version = "1.0"\n' })), undefined);
  assert.equal(packageVersion(files({ "pyproject.toml": 'x = 1 [project]\nversion = "1.0"\n' })), undefined);
  assert.equal(packageVersion(files({ "p/a.pyi": "__version__ = '1.0'" })), undefined);
  assert.equal(packageVersion(files({ "p/a.py": "", "p/b.py": "__version__ = '1.0'" })), "1.0");
});

test("scripts that a node does not have are none of it", () => {
  assert.deepEqual(describeSource(files({ "install.py": "" }), []).scripts, ["install.py"]);
  assert.deepEqual(describeSource(files({}), []).scripts, []);
});

test("submodules without path or address, in this folder, and with slashes at the end", () => {
  const parsed = (...sections: string[]) =>
    parseGitmodules(
      sections.map((section) => `[submodule "x"]\n${section}\n`).join(""),
      "https://h/o/n.git//",
    );
  assert.deepEqual(parsed("path = a", "url = https://h/b", "path = c//\nurl = http://h/c.git//"), [
    { path: "c", repository: "http://h/c" },
  ]);
  assert.deepEqual(parsed("path = a\nurl = ./sub.git", "path = b\nurl = git://h/b.gitx/b"), [
    { path: "a", repository: "https://h/o/n/sub" },
    { path: "b", repository: "git://h/b.gitx/b" },
  ]);
  assert.deepEqual(parsed("path = a\nurl = /srv/https://h/b", "path = b\nurl = a../b"), []);
  assert.deepEqual(
    parseGitmodules('  [submodule "x"] ; [submodule\npath = a\nurl = https://h/a\n', "https://h/o"),
    [{ path: "a", repository: "https://h/a" }],
  );
});
