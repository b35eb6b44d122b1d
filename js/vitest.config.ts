import { defineConfig } from "vitest/config";

// A file that needs a page asks for one in its first line: it takes longer to make than most tests to run.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: {
    pool: "threads",
    maxWorkers: "100%",
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    unstubGlobals: true,
    // A machine that others use stands still for seconds at times; what hangs, hangs longer.
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
