// What people copy out of the READMEs compiles as it stands, under `strict`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';

const PACKAGE = join(import.meta.dirname, '..');
/** Where the packages of the repository are found. */
const FOLDER = join(PACKAGE, '../../node_modules/.cache/admitone-readme');

/** What is the application's own. */
const APPLICATION = `
declare const login: { accessToken(): string | Promise<string>; start(): void };
declare const user: { id: string };
declare const accessToken: () => Promise<string>;
declare const gateway: string, url: string;
declare const token: () => string;
declare function show(message: unknown): void;
declare function add(message: unknown): void;
declare function explain(error: import('admitone').AdmitError): void;
declare function offerToReconnect(code: string, again: () => void): void;
declare function Login(): import('react').ReactElement;
declare function Chat(): import('react').ReactElement;
declare const chat: import('admitone').AdmitConnection;
declare const Socket: import('admitone').AdmitSocketConstructor;
declare const isOver: typeof import('admitone').isOver;
`;

const SETTINGS = {
  extends: join(PACKAGE, '../../tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    noUnusedLocals: false,
    jsx: 'react-jsx',
    types: ['node', 'vite/client'],
    paths: {
      admitone: [join(PACKAGE, 'src/index.ts')],
      'admitone/react': [join(PACKAGE, 'src/react/index.ts')],
    },
  },
};

/** A page's blocks of TypeScript, each by its own name or by its line. */
function blocks(page: string, place: string): [name: string, code: string][] {
  const text = readFileSync(join(PACKAGE, page), 'utf8');
  return [...text.matchAll(/^```(tsx?)\n(.*?)^```$/gms)].map(({ 1: kind = '', 2: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length;
    return [basename(/^\/\/ (\S+\.tsx?)/.exec(code)?.[1] ?? `${place}-line-${line}.${kind}`), code];
  });
}

it('every block of TypeScript in the READMEs compiles', () => {
  const front = blocks('../../README.md', 'front');
  const own = blocks('README.md', 'package');
  expect(front.length).toBeGreaterThan(0);
  expect(own.length).toBeGreaterThan(15);
  const files: [string, string][] = [
    ...front,
    ...own,
    ['login.ts', 'export const accessToken = async () => "jwt";'],
    ['session.ts', 'export const currentUser = async () => ({ id: "ada" });'],
    ['application.d.ts', APPLICATION],
  ];
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, code] of files)
    writeFileSync(join(FOLDER, name), name.endsWith('.d.ts') ? code : `${code}\nexport {};\n`);
  const names = files.map(([name]) => name);
  writeFileSync(join(FOLDER, 'tsconfig.json'), JSON.stringify({ ...SETTINGS, files: names }));
  const compiler = join(PACKAGE, '../../node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', FOLDER], { encoding: 'utf8' });
  expect(stdout).toBe('');
}, 60_000);
