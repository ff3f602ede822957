// Builds the page into the gateway's crate, committed because the binary embeds it. The same sources give the same bytes.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const read = (path) => readFile(here(path), 'utf8');

// The palette, the reset and what both pages have are the demo page's.
const STYLES = [
  '../demo/page/style/base',
  ...['layout', 'controls', 'figures', 'lists', 'rollout', 'adaptations'].map((name) => `page/style/${name}`),
];

async function script() {
  const bundle = await rolldown({
    input: here('page/page.ts'),
    cwd: here('.'),
    platform: 'browser',
    tsconfig: here('tsconfig.json'),
  });
  const { output } = await bundle.generate({ format: 'esm', minify: 'dce-only', comments: false });
  await bundle.close();
  if (output.length !== 1) throw new Error(`the page must be one script, and became ${output.length} files`);
  return output[0].code;
}

async function style() {
  const sheets = await Promise.all(STYLES.map((name) => read(`${name}.css`)));
  return sheets.join('\n');
}

const files = {
  'favicon.svg': await read('../demo/page/favicon.svg'),
  'index.html': await read('page/index.html'),
  'console.js': await script(),
  'style.css': await style(),
};

const built = here('../crates/admitone-gateway/pages/console');
await mkdir(built, { recursive: true });
for (const [name, text] of Object.entries(files)) await writeFile(`${built}/${name}`, text);
