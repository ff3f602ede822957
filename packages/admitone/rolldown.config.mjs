import { defineConfig } from 'rolldown';

const SHARED = { platform: 'neutral', resolve: { extensionAlias: { '.js': ['.ts'] } } };

export default defineConfig([
  { ...SHARED, input: 'src/index.ts', output: { file: 'dist/index.js', format: 'esm' } },
  {
    ...SHARED,
    input: 'src/react/index.ts',
    // One copy of the SDK, and so one `AdmitError`, for both entries.
    external: ['react', '../index.js'],
    // Hooks run in a browser: so a server component may render the provider.
    output: { file: 'dist/react/index.js', format: 'esm', banner: "'use client';" },
  },
]);
