// Builds the page into the gateway's crate, committed because the binary embeds it. The same sources give the same bytes.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const read = (path) => readFile(here(path), 'utf8');

const STYLES = ['base', 'layout', 'controls', 'ticket', 'timeline', 'adaptations'];

async function script() {
  const bundle = await rolldown({
    input: here('page/page.ts'),
    cwd: here('.'),
    platform: 'browser',
    tsconfig: here('tsconfig.json'),
    resolve: { alias: { admitone: here('../packages/admitone/src/index.ts') } },
  });
  const { output } = await bundle.generate({ format: 'esm', minify: 'dce-only', comments: false });
  await bundle.close();
  if (output.length !== 1) throw new Error(`the page must be one script, and became ${output.length} files`);
  return output[0].code;
}

async function style() {
  const sheets = await Promise.all(STYLES.map((name) => read(`page/style/${name}.css`)));
  return sheets.join('\n');
}

const files = {
  'favicon.svg': await read('page/favicon.svg'),
  'index.html': await read('page/index.html'),
  'page.js': await script(),
  'style.css': await style(),
};

const built = here('../crates/admitone-gateway/pages/demo');
await mkdir(built, { recursive: true });
for (const [name, text] of Object.entries(files)) await writeFile(`${built}/${name}`, text);
