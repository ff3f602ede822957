import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    globalSetup: ['./global-setup.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Else it loads another copy of graphql than the tests do, which refuses the other's schema.
    server: { deps: { inline: ['graphql-ws'] } },
  },
});
