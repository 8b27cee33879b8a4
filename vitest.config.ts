// Which tests run in Node. Browser tests have their own runner, benchmarks their own command.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**", "test/bench/**"],
    // Two cores, and pages to come: more workers only take turns.
    maxWorkers: 2,
    testTimeout: 30_000,
  },
});
