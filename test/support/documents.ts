// The documents as data: every Markdown file of this repository, the fenced blocks in them, the commands in those and
// between backticks, sections and tables. Judges nothing; what a block must satisfy is said by the tests in `documents/`.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Document {
  /** From the top, with forward slashes. */
  readonly path: string;
  readonly text: string;
}
export interface Block {
  readonly path: string;
  /** Of the fence, counted from 1. */
  readonly line: number;
  /** The word behind the fence; empty for plain text. */
  readonly language: string;
  readonly text: string;
}
export interface Command {
  readonly path: string;
  readonly line: number;
  /** Without variables in front and redirections behind. */
  readonly words: readonly string[];
}

/** What a test run leaves behind lies elsewhere, and is no document. */
const FOLDERS = ["client", "tracker", "demo", "test"];

export function documents(): Document[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const paths = [...top, ...FOLDERS.flatMap((folder) => [...markdownIn(folder)])];
  return paths.map((path) => ({ path, text: read(path) }));
}

function* markdownIn(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.name === "node_modules") continue;
    if (entry.isDirectory()) yield* markdownIn(path);
    else if (entry.name.endsWith(".md")) yield path;
  }
}

export const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** The part of a document below a heading, up to the next one of the same rank. */
export function section(path: string, heading: string): string {
  const text = read(path);
  const begin = text.indexOf(`\n${heading}\n`);
  if (begin < 0) throw new Error(`${path} has no ${heading}`);
  const rank = heading.split(" ")[0] ?? "";
  const end = text.indexOf(`\n${rank} `, begin + 1);
  return text.slice(begin, end < 0 ? undefined : end);
}

/** The parts of a section, one rank lower. */
export function sectionsBelow(
  path: string,
  heading: string,
): { readonly title: string; readonly text: string }[] {
  const [, ...parts] = section(path, heading).split(`\n${heading.split(" ")[0]}# `);
  return parts.map((part) => ({ title: part.split("\n")[0] ?? "", text: part }));
}

/** The cells of its tables, without the heads. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  const isRule = (line: string | undefined): boolean => /^\|( *-+ *\|)+$/.test(line ?? "");
  return lines
    .filter((line, at) => line.startsWith("| ") && !isRule(line) && !isRule(lines[at + 1]))
    .map((line) => line.slice(1, line.lastIndexOf("|")).split("|"))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** What stands between backticks in the first column of its tables. */
export const firstColumn = (text: string): string[] =>
  rowsOf(text).flatMap(([cell = ""]) => between(cell));
export const between = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);

/** The words of a union of texts, by the line of the source that declares it; also `a/${"b" | "c"}`. */
export function unionIn(path: string, declaration: string): string[] {
  const text = read(path);
  const begin = text.indexOf(declaration);
  if (begin < 0) throw new Error(`${path} declares no ${declaration}`);
  return wordsOfUnion(text.slice(begin, text.indexOf(";", begin)));
}

export function wordsOfUnion(union: string): string[] {
  const quoted = /"([a-z-/]+)"/g;
  const spelled = union.replace(/`([a-z-/]*)\$\{([^}]*)\}`/g, (_all, head: string, tails: string) =>
    tails.replace(quoted, (_word, tail: string) => `"${head}${tail}"`),
  );
  return [...spelled.matchAll(quoted)].map(([, word = ""]) => word);
}

/** In order. A fence may be indented, as in a list; its text then is without that. */
export function blocksOf({ path, text }: Document): Block[] {
  const blocks: Block[] = [];
  let open: { indent: string; language: string; line: number; lines: string[] } | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^( *)```(\w*)\s*$/.exec(line);
    if (open === null) {
      if (fence === null) continue;
      const [, indent = "", language = ""] = fence;
      open = { indent, language, line: index + 1, lines: [] };
    } else if (fence === null) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    } else {
      const { language, line: at, lines } = open;
      blocks.push({ path, line: at, language, text: lines.join("\n") });
      open = null;
    }
  }
  if (open !== null) throw new Error(`${path}:${open.line}: a block without end`);
  return blocks;
}

/** The prose: blocks are blank lines, so that lines keep their numbers. */
export function proseOf(document: Document): string {
  const lines = document.text.split("\n");
  for (const { line, text } of blocksOf(document)) {
    lines.fill("", line - 1, line + text.split("\n").length + 1);
  }
  return lines.join("\n");
}

/** What a person would type: `sh` blocks, and what begins like a command of ours between backticks. */
export function commandsOf(document: Document): Command[] {
  const { path } = document;
  const blocks = blocksOf(document)
    .filter(({ language }) => language === "sh")
    .flatMap(({ line, text }) => commandsIn(text, path, line));
  const prose = [...proseOf(document).matchAll(/`((?:npm|npx|shoal) [^`]+)`/g)].flatMap((match) => {
    const line = document.text.slice(0, match.index).split("\n").length;
    return commandsIn(match[1] ?? "", path, line - 1);
  });
  return [...blocks, ...prose];
}

/** `line` is the one before the first. Lines that end in a backslash go on. */
function commandsIn(text: string, path: string, line: number): Command[] {
  const commands: Command[] = [];
  let begun = "";
  let at = 0;
  for (const [index, part] of text.split("\n").entries()) {
    if (begun === "") at = line + 1 + index;
    if (part.endsWith("\\")) {
      begun += part.slice(0, -1);
      continue;
    }
    for (const words of commandLine(begun + part)) commands.push({ path, line: at, words });
    begun = "";
  }
  return commands;
}

/** Words as a shell would have them, as far as documents need it: quotes, comments, `&&`, `|`, `$NAME` left as it is. */
export function commandLine(text: string): string[][] {
  const commands: string[][] = [[]];
  const token = /\s+|#.*$|(&&|\|\||[|;])|(?:"[^"]*"|'[^']*'|[^\s"'|;&]|&(?!&))+/gy;
  for (const match of text.matchAll(token)) {
    const [word, separator] = match;
    if (/^[\s#]/.test(word)) continue;
    if (separator !== undefined) commands.push([]);
    else commands.at(-1)?.push(word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
  }
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .map((words) => words.slice(0, words.indexOf(">") < 0 ? undefined : words.indexOf(">")))
    .filter((words) => words.length > 0);
}
