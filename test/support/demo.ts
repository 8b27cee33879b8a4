// The built demo for tests, in this process on free ports. Needs `npm run build`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningSite, startSite } from "../../demo/site.ts";

export async function startDemo(): Promise<RunningSite> {
  const pages = fileURLToPath(new URL("../../dist/demo", import.meta.url));
  const directory = await mkdtemp(join(tmpdir(), "shoal-demo-key-"));
  const site = await startSite({ port: 0, pages, keyFile: join(directory, "key.json") });
  return {
    ...site,
    async close() {
      await site.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
