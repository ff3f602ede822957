import { join } from 'node:path';
import type { NextConfig } from 'next';

const config: NextConfig = {
  // Where node_modules is: in a repository of its own, leave it out.
  turbopack: { root: join(import.meta.dirname, '../..') },
};

export default config;
