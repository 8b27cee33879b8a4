// The public surface as the compiler emits it: what each door of the package exports, with its comment, and the types of
// its own that these mention, wherever they are declared. Reads emitted declarations through a function, and no file itself.

import { posix } from "node:path";
import { parseSync } from "vite";

/** One exported name, or one that an exported declaration mentions. */
export interface Declared {
  readonly name: string;
  readonly kind: "value" | "type";
  /** Comment and declaration, as emitted. */
  readonly text: string;
}
export interface Surface {
  readonly exported: readonly Declared[];
  readonly mentioned: readonly Declared[];
}

/** Marks what is exported for another file of ours and not for pages. */
const INTERNAL = "@internal";

type Node = Readonly<Record<string, unknown>> & { readonly type: string };
const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).type === "string";
const nodes = (value: unknown): Node[] => (Array.isArray(value) ? value.filter(isNode) : []);
const nameOf = (value: unknown): string => (isNode(value) ? String(value.name ?? value.value) : "");

interface Place {
  readonly path: string;
  readonly name: string;
}
interface Module {
  /** Declarations by name, exported or not. */
  readonly declared: ReadonlyMap<string, Declared & { readonly node: Node }>;
  /** Names from elsewhere: imported, or exported from there. Packages are left out. */
  readonly imported: ReadonlyMap<string, Place>;
  readonly exported: ReadonlySet<string>;
}

/** `read`: the emitted declarations at a path. Throws for a name that is exported and nowhere declared. */
export function surfaceOf(entry: string, read: (path: string) => string): Surface {
  const modules = new Map<string, Module>();
  const moduleAt = (path: string): Module => {
    const known = modules.get(path) ?? moduleIn(path, read(path));
    modules.set(path, known);
    return known;
  };
  /** `undefined`: of the language, the browser or a package. */
  const find = ({
    path,
    name,
  }: Place): (Place & { found: Declared & { node: Node } }) | undefined => {
    const { declared, imported } = moduleAt(path);
    const found = declared.get(name);
    if (found !== undefined) return { path, name, found };
    const elsewhere = imported.get(name);
    return elsewhere === undefined ? undefined : find(elsewhere);
  };

  const exported: Declared[] = [];
  const mentioned: Declared[] = [];
  const seen = new Set<string>();
  const follow = (place: Place, into: Declared[]): boolean => {
    const at = find(place);
    if (at === undefined) return false;
    const { found, path } = at;
    const key = `${path} ${found.name}`;
    if (seen.has(key) || found.text.includes(INTERNAL)) return true;
    seen.add(key);
    into.push(found);
    for (const name of referencesIn(found.node)) pending.push({ path, name });
    return true;
  };
  const pending: Place[] = [];
  for (const name of moduleAt(entry).exported) {
    if (!follow({ path: entry, name }, exported)) throw new Error(`${entry}: what is ${name}?`);
  }
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) follow(next, mentioned);
  return { exported: exported.sort(inOrder), mentioned: mentioned.sort(inOrder) };
}

/** Names of what is exported and does not say what it is. */
export const undocumented = ({ exported }: Surface): string[] =>
  exported.filter(({ text }) => !text.startsWith("/**")).map(({ name }) => name);

/** What is called before what is said of it; then by name. */
function inOrder(one: Declared, other: Declared): number {
  if (one.kind !== other.kind) return one.kind === "value" ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}

function moduleIn(path: string, text: string): Module {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const declared = new Map<string, Declared & { node: Node }>();
  const imported = new Map<string, Place>();
  const exported = new Set<string>();
  for (const statement of nodes(program.body)) {
    const source = nameOf(statement.source);
    for (const specifier of nodes(statement.specifiers)) {
      const inside = nameOf(specifier.local);
      const outside = nameOf(specifier.exported ?? specifier.imported ?? specifier.local);
      if (statement.type === "ExportNamedDeclaration") exported.add(outside);
      if (!source.startsWith(".")) continue;
      const from = posix.join(posix.dirname(path), source.replace(/\.ts$/, ".d.ts"));
      const isImport = statement.type === "ImportDeclaration";
      imported.set(isImport ? inside : outside, { path: from, name: isImport ? outside : inside });
    }
    const declaration = isNode(statement.declaration) ? statement.declaration : statement;
    const names = isNode(declaration.id)
      ? [nameOf(declaration.id)]
      : nodes(declaration.declarations).map(({ id }) => nameOf(id));
    for (const name of names) {
      const start = Number(statement.start);
      const comment = comments.findLast(({ end }) => end <= start);
      const isOurs = comment !== undefined && text.slice(comment.end, start).trim() === "";
      const whole = text.slice(isOurs ? comment.start : start, Number(statement.end));
      const kind = /^TS(Interface|TypeAlias)/.test(declaration.type) ? "type" : "value";
      declared.set(name, { name, kind, text: whole, node: declaration });
      if (statement !== declaration) exported.add(name);
    }
  }
  return { declared, imported, exported };
}

/** Names of types that a declaration mentions; its own parameters may be among them, and lead nowhere. */
function referencesIn(value: unknown, names = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) referencesIn(item, names);
  if (!isNode(value)) return names;
  if (value.type === "TSTypeReference") names.add(nameOf(value.typeName));
  if (value.type === "TSTypeQuery") names.add(nameOf(value.exprName));
  if (value.type === "TSInterfaceHeritage") names.add(nameOf(value.expression));
  for (const child of Object.values(value)) referencesIn(child, names);
  return names;
}
