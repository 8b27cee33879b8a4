// The rules of the house that a compiler cannot see, judged on syntax trees: who may import whom, which globals the
// cores may touch, lengths and names. Reads no files itself; every judgement is a list of sentences, empty when all is
// well.

import { posix } from "node:path";
import { parseSync } from "vite";

/** One source file: path from the top, with forward slashes, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

const LONGEST = 400;

/** Folders by what they may import, first match wins. */
interface Realm {
  readonly of: RegExp;
  readonly may: readonly RegExp[];
  readonly packages: "any" | readonly string[];
}

const PROTOCOL = /^tracker\/protocol\//;
const CORE_BASIS = /^client\/core\/(ports|errors|events|stats|vocabulary)\.ts$/;
const CORE_PARTS = /^client\/core\/(wire|catalogue|cache|swarm|retrieve)\//;

/** The arrows: what each realm may import. */
function realms(trackerCore: RegExp): readonly Realm[] {
  return [
    { of: PROTOCOL, may: [PROTOCOL], packages: [] },
    { of: /^client\/core\/vocabulary\.ts$/, may: [PROTOCOL], packages: [] },
    { of: CORE_BASIS, may: [PROTOCOL, CORE_BASIS], packages: [] },
    {
      of: /^client\/core\/wire\//,
      may: [PROTOCOL, CORE_BASIS, /^client\/core\/(wire|cache\/bitfield)/],
      packages: [],
    },
    { of: CORE_PARTS, may: [PROTOCOL, CORE_BASIS, CORE_PARTS], packages: [] },
    { of: /^client\/core\//, may: [PROTOCOL, /^client\/core\//], packages: [] },
    {
      of: /^client\/browser\//,
      may: [PROTOCOL, /^client\/core\/(ports|vocabulary)\.ts$/, /^client\/browser\//],
      packages: "any",
    },
    // The worker reads the page's cache with the page's own code, and answers as the page does; it starts no core.
    {
      of: /^client\/worker\//,
      may: [
        PROTOCOL,
        CORE_BASIS,
        /^client\/core\/(cache\/(stored-chunk|description)|catalogue\/(content|standing))\.ts$/,
        /^client\/browser\/(hasher|store-idb)\.ts$/,
        /^client\/(head|request|resume)\.ts$/,
        /^client\/worker\//,
      ],
      packages: [],
    },
    {
      of: /^client\/players\//,
      may: [PROTOCOL, CORE_BASIS, /^client\/players\//, /^client\/[^/]+\.ts$/],
      packages: [],
    },
    { of: /^client\//, may: [PROTOCOL, /^client\//], packages: "any" },
    { of: trackerCore, may: [PROTOCOL, trackerCore], packages: [] },
    { of: /^tracker\//, may: [/^tracker\//], packages: "any" },
    { of: /^demo\//, may: [/^demo\//, /^client\//, /^tracker\//], packages: "any" },
    {
      of: /^test\/sim\//,
      may: [/^test\/sim\//, /^test\/contract\//, /^client\/core\//, /^tracker\//],
      // Digests that are there at once: hashing on a thread pool comes back in any order.
      packages: ["node:crypto"],
    },
  ];
}

/** Files that only a few may import. */
const RESERVED: readonly { readonly file: RegExp; readonly by: RegExp; readonly why: string }[] = [
  {
    file: /^client\/browser\//,
    by: /^(client\/(browser\/|worker\/answer\.ts$|[^/]+\.ts$)|test\/)/,
    why: "adapters are chosen at the top of the client, and of the worker",
  },
  { file: /^tracker\/main\.ts$/, by: /^$/, why: "the command is nobody's library" },
  {
    file: /^test\//,
    by: /^(test\/|[^/]+\.config\.ts$)/,
    why: "nothing that is shipped knows its tests",
  },
];

/**
 * Time and dice come through ports. What a page or Node adds to the language does not compile in the cores, so this
 * is about what does, and about declarations that would go around the compiler.
 */
const OUTSIDE = new Set([
  "Date",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "globalThis",
]);

const FORBIDDEN_WORDS =
  /(^|-)(helpers?|utils?|utilities|managers?|handlers?|services?|controllers?|providers?|base|data|infos?|common|misc)(-|\.|$)/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|spec|config|d))?\.(ts|mjs)$/;

/** What the files of `tracker/tsconfig.core.json` have in common, as one pattern. */
export function trackerCoreOf(files: readonly string[]): RegExp {
  const paths = files.map((file) => `tracker/${file}`.replaceAll(".", "\\."));
  return new RegExp(`^(${paths.join("|")})$`);
}

/** Everything wrong with one file. */
export function judge(source: Source, trackerCore: RegExp): string[] {
  const { path, text } = source;
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) return [`${path} cannot be parsed: ${errors[0]?.message}`];
  const tree = gathered(program);
  return [
    ...judgeName(path),
    ...judgeShape(source),
    ...judgeImports(path, tree.imports, trackerCore),
    ...judgeExports(path, tree),
    ...judgeGlobals(path, tree.globals, trackerCore),
  ].map((complaint) => `${path} ${complaint}`);
}

function judgeName(path: string): string[] {
  const name = posix.basename(path);
  const complaints: string[] = [];
  if (!KEBAB.test(name)) complaints.push("is not named in kebab-case");
  // The platform's own word for it.
  if (FORBIDDEN_WORDS.test(name.replace("service-worker", "worker"))) {
    complaints.push("has a name that says nothing");
  }
  return complaints;
}

function judgeShape({ path, text }: Source): string[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const opening = openingOf(lines);
  const complaints: string[] = [];
  if (lines.length > LONGEST && !opening.includes(`${LONGEST} lines`)) {
    complaints.push(
      `has ${lines.length} lines and no reason for more than ${LONGEST} in its opening comment`,
    );
  }
  const isShipped = /^(client|tracker|demo)\//.test(path);
  if (isShipped && opening === "") complaints.push("does not open with what it is");
  return complaints;
}

function openingOf(lines: readonly string[]): string {
  const from = lines[0]?.startsWith("#!") ? 1 : 0;
  const end = lines.findIndex((line, at) => at >= from && !line.startsWith("//"));
  return lines.slice(from, end === -1 ? undefined : end).join(" ");
}

function judgeImports(path: string, imports: readonly string[], trackerCore: RegExp): string[] {
  const realm = realms(trackerCore).find(({ of }) => of.test(path));
  const complaints: string[] = [];
  for (const specifier of imports) {
    if (!specifier.startsWith(".")) {
      if (realm !== undefined && !allows(realm.packages, specifier))
        complaints.push(`imports the package ${specifier}`);
      if (specifier === "ws" && !/^(tracker\/server\.ts$|test\/)/.test(path)) {
        complaints.push("imports ws, which is tracker/server.ts's alone");
      }
      continue;
    }
    const target = posix.join(posix.dirname(path), specifier);
    if (!/\.(ts|mjs|js|json|css)(\?\w+)?$/.test(target))
      complaints.push(`imports ${target} without its ending`);
    if (realm !== undefined && !realm.may.some((allowed) => allowed.test(target))) {
      complaints.push(`imports ${target} against the arrows`);
    }
    if (path.startsWith("client/") && target.startsWith("tracker/") && !PROTOCOL.test(target)) {
      complaints.push(`imports ${target}; of the tracker a client knows the protocol alone`);
    }
    for (const { file, by, why } of RESERVED) {
      if (file.test(target) && !by.test(path)) complaints.push(`imports ${target}: ${why}`);
    }
  }
  return complaints;
}

const allows = (packages: Realm["packages"], name: string): boolean =>
  packages === "any" || packages.includes(name);

function judgeExports(path: string, tree: Gathered): string[] {
  const isTool = /\.config\.ts$/.test(path);
  // Declarations of other people's files say what is in them.
  const isDeclaration = path.endsWith(".d.ts");
  const complaints: string[] = [];
  if (tree.hasDefaultExport && !isTool && !isDeclaration) complaints.push("has a default export");
  if (tree.hasReExport && !/^client\/(index|script-tag)\.ts$/.test(path))
    complaints.push("exports what another file has");
  return complaints;
}

function judgeGlobals(path: string, globals: ReadonlySet<string>, trackerCore: RegExp): string[] {
  const isCore = /^client\/core\//.test(path) || PROTOCOL.test(path) || trackerCore.test(path);
  const isSimulated = /^test\/(sim|scenario)\//.test(path);
  if (!isCore && !isSimulated) return [];
  const allowed = path === "test/sim/clock.ts" ? ["setImmediate"] : [];
  return [...globals]
    .filter((name) => !allowed.includes(name))
    .map((name) => `uses ${name}, which has to come through a port`);
}

interface Gathered {
  readonly imports: string[];
  readonly globals: Set<string>;
  hasDefaultExport: boolean;
  hasReExport: boolean;
}

type Node = { readonly type: string } & Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as { type?: unknown }).type === "string";

function gathered(program: unknown): Gathered {
  const tree: Gathered = {
    imports: [],
    globals: new Set(),
    hasDefaultExport: false,
    hasReExport: false,
  };
  walk(program, tree);
  return tree;
}

function walk(value: unknown, tree: Gathered): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, tree);
    return;
  }
  if (!isNode(value)) return;
  note(value, tree);
  for (const [key, child] of Object.entries(value)) {
    // Reading a date out of a text is a calculation, like `JSON.parse`; asking what time it is is not.
    if (value.type === "MemberExpression" && key === "object" && nameOf(value.property) === "parse")
      continue;
    // Names of properties are not references: `{ fetch }` is, `x.fetch` and `{ fetch: 1 }` are not.
    const isName = (key === "property" || key === "key") && value.computed !== true;
    if (isName && isNode(child) && child.type === "Identifier" && value.shorthand !== true)
      continue;
    walk(child, tree);
  }
}

function note(node: Node, tree: Gathered): void {
  switch (node.type) {
    case "ExportDefaultDeclaration":
      tree.hasDefaultExport = true;
      break;
    case "ImportDeclaration":
    case "ImportExpression":
    case "TSImportType":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration": {
      const source = isNode(node.source) ? node.source.value : undefined;
      if (typeof source !== "string") break;
      tree.imports.push(source);
      if (node.type.startsWith("Export")) tree.hasReExport = true;
      break;
    }
    case "MemberExpression":
      if (nameOf(node.object) === "Math" && nameOf(node.property) === "random")
        tree.globals.add("Math.random");
      break;
    case "Identifier":
      if (typeof node.name === "string" && OUTSIDE.has(node.name)) tree.globals.add(node.name);
  }
}

const nameOf = (value: unknown): unknown => (isNode(value) ? value.name : undefined);
