// Prints what each export of the built package costs a page that imports it alone, and all of them together; fails above a budget.
import { brotliCompressSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** Bytes with brotli. */
const BUDGETS = {
  createTicketSource: 3_000,
  admitSocket: 7_350,
  AdmitConnection: 6_900,
  AdmitEventSource: 7_200,
  everything: 8_750,
};

async function sizeOf(name) {
  const code = name === 'everything' ? "export * from 'admitone'" : `export { ${name} } from 'admitone'`;
  const bundle = await rolldown({
    input: 'entry',
    platform: 'browser',
    plugins: [
      {
        name: 'entry',
        resolveId: (id) =>
          id === 'admitone' ? `${import.meta.dirname}/dist/index.js` : id === 'entry' ? id : null,
        load: (id) => (id === 'entry' ? code : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  const minified = Buffer.from(output[0].code);
  return { minified: minified.length, brotli: brotliCompressSync(minified).length };
}

for (const [name, budget] of Object.entries(BUDGETS)) {
  const { minified, brotli } = await sizeOf(name);
  process.stdout.write(`${name}: ${minified} bytes minified, ${brotli} with brotli (budget ${budget})\n`);
  if (brotli > budget) process.exitCode = 1;
}
