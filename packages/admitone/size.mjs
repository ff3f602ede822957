// Prints what the SDK costs a page, and fails above the budget.
import { brotliCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const BUDGET_BYTES = 6_500;

const bundle = await rolldown({
  input: 'src/index.ts',
  platform: 'browser',
  resolve: { extensionAlias: { '.js': ['.ts'] } },
});
const { output } = await bundle.generate({ format: 'esm', minify: true });
await bundle.close();
const code = Buffer.from(output[0].code);
const brotli = brotliCompressSync(code).length;
process.stdout.write(
  `admitone, everything: ${code.length} bytes minified, ${brotli} with brotli (budget ${BUDGET_BYTES})\n`,
);
if (brotli > BUDGET_BYTES) process.exit(1);
