// The public surface as a page of reference, and what has changed between two of them. Pure.

import type { Declared, Surface } from "./surface.ts";

export interface Door {
  /** As it is imported. */
  readonly name: string;
  readonly surface: Surface;
}

const HEAD = `# API

Everything that may be imported, with the comments of its declarations, as the compiler emits them. The classic script has
what \`shoal\` exports under the global \`Shoal\`. Made by \`npm run api -- --write\`; \`npm run check\` fails when the code says
something else.
`;

export function pageOf(doors: readonly Door[]): string {
  return [HEAD, ...doors.map(doorAsText)].join("\n");
}

function doorAsText({ name, surface: { exported, mentioned } }: Door): string {
  const names = exported.map((one) => `\`${one.name}\``).join(", ");
  return [
    `## ${name}\n`,
    `${names}.\n`,
    ...exported.map(declaredAsText),
    ...(mentioned.length === 0
      ? []
      : [`### Mentioned by these of ${name}\n`, blockOf(mentioned.map(({ text }) => text))]),
  ].join("\n");
}

const declaredAsText = ({ name, text }: Declared): string => `### ${name}\n\n${blockOf([text])}`;
const blockOf = (texts: readonly string[]): string => `\`\`\`ts\n${texts.join("\n\n")}\n\`\`\`\n`;

/** Lines that went, with a minus, and lines that came, with a plus, each under the heading it belongs to. */
export function differences(before: string, after: string): string[] {
  if (before === after) return [];
  const [old, now] = [linesOf(before), linesOf(after)];
  const went = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const came = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return went.length + came.length === 0
    ? ["(the same lines in another order)"]
    : [...went, ...came];
}

function linesOf(page: string): string[] {
  let heading = "";
  return page.split("\n").flatMap((line) => {
    if (/^##+ /.test(line)) heading = line.replace(/^#+ /, "");
    return line.trim() === "" ? [] : [`${heading}: ${line.trim()}`];
  });
}
