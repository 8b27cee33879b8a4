// The installed command. Picks the subcommand and ties it to this process: arguments, signals, exit code. Nothing
// else happens here.

import { runTracker } from "./command.ts";
import { thisPackage } from "./package-root.ts";

const USAGE = `Usage: shoal <command>

  tracker [options]                  run a tracker
  publish DIR --base-url URL ...     hash a directory into a published manifest

shoal <command> --help says more; shoal --version says which version this is.`;

async function run([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case "tracker":
      return runTracker(args, {
        environment: process.env,
        out: (line) => process.stdout.write(`${line}\n`),
        err: (line) => process.stderr.write(`${line}\n`),
        stop: stopSignal(),
        onReload: (listener) => void process.on("SIGHUP", listener),
      });
    case "publish": {
      const { runPublish } = await import("./manifest/publish-command.ts");
      return runPublish(args);
    }
    case "--help":
    case "-h":
    case "help":
      console.log(USAGE);
      return 0;
    case "--version":
      console.log(thisPackage().version);
      return 0;
    case undefined:
      console.error(USAGE);
      return 2;
    default:
      console.error(`${JSON.stringify(command)} is not a command; see shoal --help.`);
      return 2;
  }
}

/** The first signal asks, the second does not. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  return stop.signal;
}

process.exit(await run(process.argv.slice(2)));
