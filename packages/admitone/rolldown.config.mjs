import { defineConfig } from 'rolldown';

export default defineConfig({
  input: 'src/index.ts',
  platform: 'neutral',
  resolve: { extensionAlias: { '.js': ['.ts'] } },
  output: { file: 'dist/index.js', format: 'esm' },
});
