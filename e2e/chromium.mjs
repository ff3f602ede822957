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

/** Debian's Firefox: playwright's own would be another one. Timers of hidden tabs are as slow as people have them. */
export const FIREFOX = {
  channel: 'moz-firefox',
  executablePath: '/usr/bin/firefox-esr',
  firefoxUserPrefs: {
    'dom.min_background_timeout_value': 1000,
    'dom.min_background_timeout_value_without_budget_throttling': 1000,
    'dom.timeout.enable_budget_timer_throttling': true,
  },
};

/** What playwright turns off, and people have on: without it, a test of a page's return tests nothing. */
export const CHROMIUM_OF_PEOPLE = {
  ...CHROMIUM,
  ignoreDefaultArgs: [
    '--disable-back-forward-cache',
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
  ],
};
