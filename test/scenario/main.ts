// What `npm run sim` runs: the command with all scenarios there are.

import { run } from "./command.ts";
import { SCENARIOS } from "./scenarios.ts";

process.exitCode = await run(process.argv.slice(2), {
  scenarios: SCENARIOS,
  say: (line) => console.log(line),
  complain: (line) => console.error(line),
});
