// The words after `npm run bench --`. Pure; nothing is started, read or written here.

export interface BenchOptions {
  readonly do: "run" | "list" | "help";
  /** Names of works, in the order they run in. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly out: string;
}
export type ParsedOptions =
  | { readonly ok: true; readonly options: BenchOptions }
  /** One sentence for the terminal. */
  | { readonly ok: false; readonly problem: string };

/** The middle of three is the least that one bad round cannot spoil. */
const DEFAULT_ROUNDS = 3;
/** A day's worth; more is a slip of the finger. */
const MOST_ROUNDS = 100;
const DEFAULT_OUT = "dist/bench.json";

export const HELP = `Usage: npm run bench -- [options]

Measures Shoal side by side with its rivals in real Chromium, prints a table and writes the figures as JSON.

  --only NAMES   works to measure, separated by commas (default: all)
  --rounds N     rounds of every work; the table shows medians (default: ${DEFAULT_ROUNDS})
  --out FILE     where the JSON goes (default: ${DEFAULT_OUT})
  --list         says what there is to measure
  --help         says this`;

/** `works` are the names there are. */
export function parseOptions(words: readonly string[], works: readonly string[]): ParsedOptions {
  let options: BenchOptions = { do: "run", only: works, rounds: DEFAULT_ROUNDS, out: DEFAULT_OUT };
  const rest = [...words];
  while (rest.length > 0) {
    const [flag = "", given] = split(rest.shift() ?? "");
    if (flag === "--help" || flag === "--list") {
      if (given !== undefined) return { ok: false, problem: `${flag} takes no value.` };
      options = { ...options, do: flag === "--help" ? "help" : "list" };
      continue;
    }
    if (flag !== "--only" && flag !== "--rounds" && flag !== "--out") {
      return { ok: false, problem: `${flag} is no option of the benchmarks; --help lists them.` };
    }
    const value = given ?? rest.shift();
    if (value === undefined || value === "" || value.startsWith("--")) {
      return { ok: false, problem: `${flag} needs a value.` };
    }
    if (flag === "--out") options = { ...options, out: value };
    if (flag === "--rounds") {
      const rounds = /^\d+$/.test(value) ? Number(value) : 0;
      if (rounds < 1 || rounds > MOST_ROUNDS) {
        return { ok: false, problem: `--rounds takes a number from 1 to ${MOST_ROUNDS}.` };
      }
      options = { ...options, rounds };
    }
    if (flag === "--only") {
      const wanted = value.split(",").map((name) => name.trim());
      const unknown = wanted.find((name) => !works.includes(name));
      if (unknown !== undefined) {
        return { ok: false, problem: `--only: there is no work "${unknown}"; --list names them.` };
      }
      options = { ...options, only: works.filter((name) => wanted.includes(name)) };
    }
  }
  return { ok: true, options };
}

/** `--flag=value` is `--flag value`. */
function split(word: string): readonly string[] {
  const match = /^(--[^=]+)=(.*)$/s.exec(word);
  return match === null ? [word] : match.slice(1);
}
