import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['*.test.ts'],
    globalSetup: ['./global-setup.ts'],
    fileParallelism: false,
    // Guards, for a machine that is busy: what is promised to be quick is measured where it is tested.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 15_000 } },
    // Else it loads another copy of graphql than the tests do, which refuses the other's schema.
    server: { deps: { inline: ['graphql-ws'] } },
  },
});
