/** How the tests and the screenshots start Debian's Chromium. */
export const CHROMIUM = {
  executablePath: '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** Debian's Firefox, as it is: playwright's own would be another one. */
export const FIREFOX = { channel: 'moz-firefox', executablePath: '/usr/bin/firefox-esr' };

/** What playwright turns off, and people have on: without it, a test of a page's return tests nothing. */
export const AS_PEOPLE_HAVE_IT = {
  ...CHROMIUM,
  ignoreDefaultArgs: [
    '--disable-back-forward-cache',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
  ],
};
