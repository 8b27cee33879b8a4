// What counts as the public surface, on declarations made up for it; and what a change of it looks like.

import { describe, expect, test } from "vitest";
import { differences, pageOf } from "../../../api/page.ts";
import { surfaceOf, undocumented } from "../../../api/surface.ts";

const FILES: Readonly<Record<string, string>> = {
  "out/index.d.ts": `import { type Far } from "./part/far.ts";
import type { Plugin } from "package";
export { Fault } from "./part/far.ts";
/** Makes one. */
export declare function make(options: Options): Thing<Far> | Plugin;
/** For the script. @internal */
export declare function makeInside(secret: Secret): void;
interface Options extends Base {
    /** In bytes. */
    readonly size: number;
}
interface Base {
    readonly unit: Unit;
}
type Unit = "kb" | "mb";
interface Secret {
}
export interface Thing<T> {
    readonly value: T;
}
export declare const KINDS: readonly Unit[];
`,
  "out/part/far.d.ts": `export declare class Fault extends Error {
    readonly code: Code;
}
type Code = string;
export interface Far {
    near(): typeof import("x");
}
export interface Unseen {
}
`,
};

const surface = (files = FILES) =>
  surfaceOf("out/index.d.ts", (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  });
const names = (list: readonly { readonly name: string }[]): string[] =>
  list.map(({ name }) => name);

/** The page after one replacement in the first file, compared with the page before it. */
function changed(old: string, now: string): string[] {
  const page = (files: typeof FILES): string =>
    pageOf([{ name: "thing", surface: surface(files) }]);
  const first = FILES["out/index.d.ts"] ?? "";
  expect(first).toContain(old);
  return differences(page(FILES), page({ ...FILES, "out/index.d.ts": first.replace(old, now) }));
}

describe("the surface", () => {
  test("is what is exported, values first, but for what is marked as ours", () => {
    expect(names(surface().exported)).toEqual(["Fault", "KINDS", "make", "Thing"]);
  });
  test("has the types that these mention, from other files and not exported as well", () => {
    expect(names(surface().mentioned)).toEqual(["Base", "Code", "Far", "Options", "Unit"]);
  });
  test("has the comments", () => {
    expect(surface().exported.find(({ name }) => name === "make")?.text).toMatch(
      /^\/\*\* Makes one\. \*\/\nexport declare function make/,
    );
  });
  test("knows what has no comment", () => {
    expect(undocumented(surface())).toEqual(["Fault", "KINDS", "Thing"]);
  });
  test("of what is nowhere is no surface", () => {
    const text = 'export { Gone } from "./part/far.ts";\n';
    expect(() => surface({ ...FILES, "out/index.d.ts": text })).toThrow("what is Gone");
  });
});

describe("a difference is", () => {
  test.each([
    [
      "an option that comes",
      "readonly size",
      "readonly depth?: number;\n    readonly size",
      ["+ Mentioned by these of thing: readonly depth?: number;"],
    ],
    [
      "a word of a union that goes",
      '"kb" | "mb"',
      '"kb"',
      [
        '- Mentioned by these of thing: type Unit = "kb" | "mb";',
        '+ Mentioned by these of thing: type Unit = "kb";',
      ],
    ],
    [
      "another unit in a comment",
      "In bytes",
      "In KiB",
      [
        "- Mentioned by these of thing: /** In bytes. */",
        "+ Mentioned by these of thing: /** In KiB. */",
      ],
    ],
  ])("%s", (_what, old, now, lines) => {
    expect(changed(old, now)).toEqual(lines);
  });
  test("an export that goes", () => {
    expect(changed("export interface Thing<T>", "interface Thing<T>").join()).toMatch(
      /- thing: `Fault/,
    );
  });
  test("the order of lines", () => {
    expect(differences("## a\nb\nc\n", "## a\nc\nb\n")).toHaveLength(1);
  });
  test("nothing of what is ours", () => {
    expect(changed("interface Secret {", "interface Secret {\n    readonly x: 1;")).toEqual([]);
  });
});
