// The command behind `npm start`: starts the demo, says where it is, and stops on Ctrl-C. Nothing else happens here.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startSite } from "./site.ts";

const DEFAULT_PORT = 8080;

async function run(): Promise<number> {
  const port = portIn(process.env.PORT);
  if (port === undefined) {
    console.error("PORT must be a whole number, 0 to 65535.");
    return 2;
  }
  // The built command lies among the built pages; the key beside them, where a rebuild does not remove it.
  const pages = dirname(fileURLToPath(import.meta.url));
  const stop = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  try {
    const site = await startSite({ port, pages, keyFile: join(pages, "..", "demo-key.json") });
    console.log(`Shoal demo: ${site.url}`);
    await stop;
    await site.close();
    return 0;
  } catch (error) {
    console.error(sentenceFor(error, port));
    return 1;
  }
}

function portIn(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return DEFAULT_PORT;
  return /^\d{1,5}$/.test(text) && Number(text) < 65_536 ? Number(text) : undefined;
}

function sentenceFor(error: unknown, port: number): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE") {
    return `Port ${port} is in use; choose another one with PORT, for example PORT=${port + 1} npm start.`;
  }
  return error.message;
}

process.exit(await run());
