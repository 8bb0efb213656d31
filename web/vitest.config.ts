import { defineConfig } from "vitest/config";

// JSX is compiled as tsconfig.json says.
export default defineConfig({
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts", "tests/**/*.test.tsx"] },
});
