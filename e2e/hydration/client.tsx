import { hydrateRoot } from 'react-dom/client';
import { App, type Settings } from './app.js';

const settings: Settings = JSON.parse(document.querySelector('#settings')?.textContent ?? '');

// A difference to what the server rendered is an error of the page's.
hydrateRoot(document.querySelector('#root') as HTMLElement, <App {...settings} />);
