import { AdmitConnection } from './admitone.js';
import { findProvider, finishLogin, logOut, startLogin } from './login.js';
import { GATEWAY } from './settings.js';

const element = (id) => document.getElementById(id);

function tell(error) {
  element('fault').textContent = error.message;
}

function onClick(id, act) {
  element(id).addEventListener('click', () => {
    element('fault').textContent = '';
    Promise.resolve().then(act).catch(tell);
  });
  element(id).hidden = false;
}

function open(idToken) {
  const chat = new AdmitConnection({ gateway: GATEWAY, token: () => idToken });
  chat.addEventListener('statechange', () => {
    element('state').textContent = chat.state.name;
    element('say').hidden = chat.state.name !== 'open';
  });
  chat.addEventListener('close', ({ detail }) => {
    element('state').textContent = `${chat.state.name} ${detail.close?.code ?? detail.code}`;
  });
  chat.addEventListener('error', ({ detail }) => {
    tell(detail);
    if (detail.requiresLogin()) element('log-in').hidden = false;
  });
  chat.addEventListener('message', ({ data }) => {
    element('messages').append(Object.assign(document.createElement('li'), { textContent: data }));
  });
  element('say').addEventListener('submit', (event) => {
    event.preventDefault();
    chat.send(new FormData(event.target).get('text'));
    event.target.reset();
  });
  onClick('connect', () => chat.connect());
}

async function start() {
  const provider = await findProvider();
  onClick('log-in', () => startLogin(provider));
  const idToken = await finishLogin(provider);
  if (!idToken) return;
  element('log-in').hidden = true;
  onClick('log-out', () => logOut(provider, idToken));
  open(idToken);
}

start().catch(tell);
